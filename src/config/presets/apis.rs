//! Parties that serve models and payments.

use super::*;

pub(super) static PRESETS: [Preset; 5] = [ANTHROPIC, OPENAI, OPENROUTER, DODO, KERNEL];

const ANTHROPIC: Preset = Preset {
    name: "anthropic",
    keys: &[
        Key::required("federation-rule-id", "federation_rule_id", "fdrl_"),
        Key::any("organization-id", "organization_id", Presence::Required),
        Key::optional("service-account-id", "service_account_id", "svac_"),
        Key::any("workspace-id", "workspace_id", Presence::Optional),
    ],
    // The result lives twice as long as what is left of the JWT.
    token: PresetToken {
        audience: Some("https://api.anthropic.com"),
        algorithm: SigningAlgorithm::Rs256,
        seconds: 1800,
    },
    hop: HopData {
        endpoint: "https://api.anthropic.com/v1/oauth/token",
        encoding: Encoding::Json,
        assertion: Some("assertion"),
        fields: &[("grant_type", FieldData::Text(JWT_BEARER))],
        headers: &[("anthropic-beta", "oauth-2025-04-20,oidc-federation-2026-04-01")],
        ..OAUTH
    },
    then: None,
    placement: PlacementData {
        append: &[("anthropic-beta", "oauth-2025-04-20")],
        removed: &["x-api-key"],
        ..BEARER
    },
};

const OPENAI: Preset = Preset {
    name: "openai",
    keys: &[
        Key::required("identity-provider-id", "identity_provider_id", "idp_"),
        Key::any("service-account-id", "service_account_id", Presence::Required),
    ],
    token: PresetToken {
        audience: Some("https://api.openai.com/v1"),
        algorithm: SigningAlgorithm::Rs256,
        seconds: 300,
    },
    hop: HopData {
        endpoint: "https://auth.openai.com/oauth/token",
        encoding: Encoding::Json,
        fields: &[
            ("grant_type", FieldData::Text(TOKEN_EXCHANGE)),
            ("subject_token_type", FieldData::Text(JWT)),
        ],
        ends_with_assertion: true,
        ..OAUTH
    },
    then: None,
    placement: BEARER,
};

const OPENROUTER: Preset = Preset {
    name: "openrouter",
    keys: &[
        Key::any("federation-policy-id", "federation_policy_id", Presence::Required),
        Key::any("scope", "scope", Presence::Optional),
    ],
    token: PresetToken { audience: None, algorithm: SigningAlgorithm::Rs256, seconds: 900 },
    hop: HopData {
        endpoint: "https://openrouter.ai/api/v1/oauth/token",
        fields: &[
            ("grant_type", FieldData::Text(TOKEN_EXCHANGE)),
            ("subject_token_type", FieldData::Text(JWT)),
        ],
        ends_with_assertion: true,
        ..OAUTH
    },
    then: None,
    placement: BEARER,
};

const DODO: Preset = Preset {
    name: "dodo",
    keys: &[
        Key::required("identity-provider-id", "identity_provider_id", "wip_"),
        // `live` or `test`.
        Key::template("environment", Presence::Default("live")),
    ],
    token: PresetToken {
        audience: Some("https://{environment}.dodopayments.com"),
        algorithm: SigningAlgorithm::Rs256,
        seconds: 3600,
    },
    hop: HopData {
        endpoint: "https://{environment}.dodopayments.com/workload-identity/token",
        encoding: Encoding::Json,
        fields: &[
            ("grant_type", FieldData::Text(TOKEN_EXCHANGE)),
            ("subject_token_type", FieldData::Text(JWT)),
        ],
        expiry: &[("/expires_at", ExpiryForm::Rfc3339), ("/expires_in", ExpiryForm::Seconds)],
        ..OAUTH
    },
    then: None,
    placement: BEARER,
};

/// It refuses fields that it does not know, fields that come twice, and any `Authorization`.
const KERNEL: Preset = Preset {
    name: "kernel",
    keys: &[
        Key::required("federation-rule-id", "federation_rule_id", "wifr_"),
        Key::any("resource", "resource", Presence::Optional),
    ],
    token: PresetToken {
        audience: Some("https://auth.onkernel.com"),
        algorithm: SigningAlgorithm::Rs256,
        seconds: 600,
    },
    hop: HopData {
        endpoint: "https://auth.onkernel.com/token",
        assertion: Some("assertion"),
        fields: &[("grant_type", FieldData::Text(JWT_BEARER))],
        ends_with_assertion: true,
        ..OAUTH
    },
    then: None,
    placement: BEARER,
};
