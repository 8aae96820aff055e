//! Parties that serve clouds and their tools.

use super::*;

pub(super) static PRESETS: [Preset; 9] =
    [ENTRA, GOOGLE, VAULT, DATABRICKS, TAILSCALE, CONFLUENT, CHAINGUARD, OCTO_STS, BUILDKITE];

const ENTRA: Preset = Preset {
    name: "entra",
    keys: &[
        Key::template("tenant", Presence::Required),
        Key::any("client-id", "client_id", Presence::Required),
        // The resource, with /.default behind it.
        Key::any("scope", "scope", Presence::Required),
    ],
    token: PresetToken {
        audience: Some("api://AzureADTokenExchange"),
        algorithm: SigningAlgorithm::Rs256,
        seconds: 300,
    },
    hop: HopData {
        endpoint: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        assertion: Some("client_assertion"),
        fields: &[
            ("grant_type", FieldData::Text("client_credentials")),
            ("client_assertion_type", FieldData::Text(CLIENT_ASSERTION)),
        ],
        errors: ErrorForm::Entra,
        ..OAUTH
    },
    then: None,
    placement: BEARER,
};

const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

const GOOGLE: Preset = Preset {
    name: "google",
    keys: &[
        // The full name of the provider.
        Key {
            name: "audience",
            place: KeyPlace::Field("audience"),
            begins: Some("//iam.googleapis.com/projects/"),
            default: Presence::Required,
        },
        // With impersonation, that of the second request.
        Key::template("scope", Presence::Default(CLOUD_PLATFORM)),
        Key::template("service-account", Presence::Optional),
    ],
    token: PresetToken {
        audience: Some("https:{audience}"),
        algorithm: SigningAlgorithm::Rs256,
        seconds: 300,
    },
    hop: HopData {
        endpoint: "https://sts.googleapis.com/v1/token",
        fields: &[
            ("grant_type", FieldData::Text(TOKEN_EXCHANGE)),
            ("requested_token_type", FieldData::Text(ACCESS_TOKEN)),
            ("subject_token_type", FieldData::Text(JWT)),
            ("scope", FieldData::Text(CLOUD_PLATFORM)),
        ],
        ..OAUTH
    },
    then: Some((
        "service-account",
        HopData {
            endpoint: "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{service-account}:generateAccessToken",
            encoding: Encoding::Json,
            assertion: None,
            fields: &[("scope", FieldData::List("{scope}"))],
            token: "/accessToken",
            expiry: &[("/expireTime", ExpiryForm::Rfc3339)],
            errors: ErrorForm::SpreadsSlowly,
            ..OAUTH
        },
    )),
    placement: BEARER,
};

const VAULT: Preset = Preset {
    name: "vault",
    keys: &[
        // Scheme, host and port, as in VAULT_ADDR.
        Key::template("address", Presence::Required),
        Key::template("mount", Presence::Default("jwt")),
        Key::any("role", "role", Presence::Optional),
        Key {
            name: "namespace",
            place: KeyPlace::Header("x-vault-namespace"),
            begins: None,
            default: Presence::Optional,
        },
    ],
    token: PresetToken { audience: None, algorithm: SigningAlgorithm::Rs256, seconds: 300 },
    hop: HopData {
        endpoint: "{address}/v1/auth/{mount}/login",
        encoding: Encoding::Json,
        assertion: Some("jwt"),
        token: "/auth/client_token",
        expiry: &[("/auth/lease_duration", ExpiryForm::LeaseSeconds)],
        default_seconds: Some(3600),
        ..OAUTH
    },
    then: None,
    placement: PlacementData { header: "x-vault-token", prefix: "", append: &[], removed: &[] },
};

const DATABRICKS: Preset = Preset {
    name: "databricks",
    keys: &[
        Key::template("host", Presence::Required),
        Key::any("client-id", "client_id", Presence::Optional),
    ],
    token: PresetToken { audience: None, algorithm: SigningAlgorithm::Rs256, seconds: 300 },
    hop: HopData {
        endpoint: "https://{host}/oidc/v1/token",
        fields: &[
            ("grant_type", FieldData::Text(TOKEN_EXCHANGE)),
            ("subject_token_type", FieldData::Text(JWT)),
            ("scope", FieldData::Text("all-apis")),
        ],
        ..OAUTH
    },
    then: None,
    placement: BEARER,
};

const TAILSCALE: Preset = Preset {
    name: "tailscale",
    keys: &[Key::any("client-id", "client_id", Presence::Required)],
    token: PresetToken {
        audience: Some("api.tailscale.com/{client-id}"),
        algorithm: SigningAlgorithm::Rs256,
        seconds: 300,
    },
    hop: HopData {
        endpoint: "https://api.tailscale.com/api/v2/oauth/token-exchange",
        assertion: Some("jwt"),
        ..OAUTH
    },
    then: None,
    placement: BEARER,
};

const CONFLUENT: Preset = Preset {
    name: "confluent",
    keys: &[Key::any("identity-pool-id", "identity_pool_id", Presence::Required)],
    token: PresetToken { audience: None, algorithm: SigningAlgorithm::Rs256, seconds: 300 },
    hop: HopData {
        endpoint: "https://api.confluent.cloud/sts/v1/oauth2/token",
        fields: &[
            ("grant_type", FieldData::Text(TOKEN_EXCHANGE)),
            ("subject_token_type", FieldData::Text(JWT)),
            ("requested_token_type", FieldData::Text(ACCESS_TOKEN)),
        ],
        ..OAUTH
    },
    then: None,
    placement: BEARER,
};

const CHAINGUARD: Preset = Preset {
    name: "chainguard",
    keys: &[
        Key::any("identity", "identity", Presence::Required),
        // The audience of the result.
        Key::any("aud", "aud", Presence::Default("https://console-api.enforce.dev")),
    ],
    token: PresetToken {
        audience: Some("https://issuer.enforce.dev"),
        algorithm: SigningAlgorithm::Rs256,
        seconds: 300,
    },
    hop: HopData {
        endpoint: "https://issuer.enforce.dev/sts/exchange",
        encoding: Encoding::Query,
        assertion: None,
        token: "/token",
        expiry: &[],
        default_seconds: Some(3600),
        ..OAUTH
    },
    then: None,
    placement: BEARER,
};

const OCTO_STS: Preset = Preset {
    name: "octo-sts",
    keys: &[
        // An organisation, or organisation/repository.
        Key::any("scope", "scope", Presence::Required),
        Key::any("identity", "identity", Presence::Required),
    ],
    token: PresetToken { audience: Some("octo-sts.dev"), algorithm: SigningAlgorithm::Rs256, seconds: 300 },
    hop: HopData {
        endpoint: "https://octo-sts.dev/sts/exchange",
        encoding: Encoding::Query,
        assertion: None,
        token: "/token",
        expiry: &[],
        // An installation token of GitHub.
        default_seconds: Some(3600),
        ..OAUTH
    },
    then: None,
    placement: BEARER,
};

const BUILDKITE: Preset = Preset {
    name: "buildkite",
    keys: &[Key::any("client-id", "client_id", Presence::Required)],
    token: PresetToken { audience: None, algorithm: SigningAlgorithm::Rs256, seconds: 300 },
    hop: HopData {
        endpoint: "https://buildkite.com/oauth/token",
        assertion: Some("client_assertion"),
        fields: &[
            ("grant_type", FieldData::Text("client_credentials")),
            ("client_assertion_type", FieldData::Text(CLIENT_ASSERTION)),
        ],
        ..OAUTH
    },
    then: None,
    placement: BEARER,
};
