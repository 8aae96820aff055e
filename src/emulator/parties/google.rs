//! Google Cloud: the exchange at its security token service, and the impersonation of a service account with the result.

use super::error::Kind;
use super::error_body::{ASSERTION, ErrorCode, Errors, Shape, named, numbered, row};
use super::rules::{
    ACCESS_TOKEN_TYPE, AnswerPart, BOTH, Encoding, Endpoint, FieldValue, HeaderRule, ID_TOKEN_TYPE, JWT_TYPE,
    Lifetime, PartyRules, Proof, TOKEN_EXCHANGE, TokenForm, Trust, bearer_api, optional, required,
};

/// Google Cloud.
pub(super) const RULES: PartyRules = PartyRules {
    endpoints: &[EXCHANGE, IMPERSONATION],
    documents: &[],
    api: bearer_api((Shape::Google, UNAUTHENTICATED), &[]),
};

const PROVIDER: &str = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/emulator/providers/aws";
const PROVIDER_URL: &str = "https://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/emulator/providers/aws";
const UNAUTHENTICATED: ErrorCode = numbered("UNAUTHENTICATED", 401);

const EXCHANGE: Endpoint = Endpoint {
    path: "/v1/token",
    methods: &["POST"],
    encoding: Encoding::Form,
    headers: &[("authorization", HeaderRule::Absent)],
    fields: &[
        required("grant_type", FieldValue::OneOf(&[TOKEN_EXCHANGE]), Kind::Grant),
        required("audience", FieldValue::OneOf(&[PROVIDER]), Kind::Client),
        required("scope", FieldValue::Text, Kind::Scope),
        required("requested_token_type", FieldValue::OneOf(&[ACCESS_TOKEN_TYPE]), Kind::Malformed),
        required("subject_token", FieldValue::Text, Kind::Malformed),
        required("subject_token_type", FieldValue::OneOf(&[JWT_TYPE, ID_TOKEN_TYPE]), Kind::Malformed),
        optional("options", FieldValue::Text, Kind::Malformed),
    ],
    only_known_fields: false,
    proof: Proof::Field("subject_token"),
    trust: Trust {
        audiences: &[PROVIDER, PROVIDER_URL],
        sole_audience: false,
        algorithms: &["RS256"],
        single_use: false,
        max_life: None,
    },
    life: Lifetime { own: 3600, of_remaining: None, floor: 1, asked: None },
    token: TokenForm::Opaque("ya29.d."),
    answer: &[
        ("access_token", AnswerPart::Token),
        ("issued_token_type", AnswerPart::Text(ACCESS_TOKEN_TYPE)),
        ("token_type", AnswerPart::Text("Bearer")),
        ("expires_in", AnswerPart::TextSeconds),
    ],
    errors: Errors {
        shape: Shape::Oauth,
        rows: &[
            row(&[Kind::Grant], 400, named("unsupported_grant_type")),
            row(&[Kind::Scope], 400, named("invalid_scope")),
            row(&[Kind::Client], 400, named("invalid_target")),
            row(&[Kind::NotPropagated], 403, named("unauthorized_client")),
            row(ASSERTION, 400, named("invalid_grant")),
        ],
        other: (400, named("invalid_request"), None),
    },
};

const IMPERSONATION: Endpoint = Endpoint {
    path: "/v1/projects/-/serviceAccounts/{account}:generateAccessToken",
    methods: &["POST"],
    encoding: Encoding::Json,
    headers: &[],
    fields: &[
        required("account", FieldValue::OneOf(&["attache@emulator.iam.gserviceaccount.com"]), Kind::Account),
        required("scope", FieldValue::Texts, Kind::Malformed),
        optional("lifetime", FieldValue::SecondsWith("s"), Kind::Malformed),
        optional("delegates", FieldValue::Texts, Kind::Malformed),
    ],
    only_known_fields: false,
    proof: Proof::FirstHop {
        scopes: &["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/iam"],
    },
    trust: Trust {
        audiences: &[],
        sole_audience: false,
        algorithms: BOTH,
        single_use: false,
        max_life: None,
    },
    life: Lifetime { own: 3600, of_remaining: None, floor: 1, asked: Some("lifetime") },
    token: TokenForm::Opaque("ya29.c."),
    answer: &[("accessToken", AnswerPart::Token), ("expireTime", AnswerPart::Rfc3339)],
    errors: Errors {
        shape: Shape::Google,
        rows: &[
            row(&[Kind::Header, Kind::FirstHop, Kind::Opaque], 401, UNAUTHENTICATED),
            row(&[Kind::Scope, Kind::Account, Kind::NotPropagated], 403, numbered("PERMISSION_DENIED", 403)),
            row(&[Kind::RateLimited], 429, numbered("RESOURCE_EXHAUSTED", 429)),
        ],
        other: (400, numbered("INVALID_ARGUMENT", 400), None),
    },
};
