//! Anthropic, as its SDKs of version 1 and 2 and its reference of workload identity federation have it.

use super::error::Kind;
use super::error_body::{Errors, REQUEST, Shape, named, row};
use super::rules::{
    ApiAnswer, ApiRules, BOTH, Encoding, Endpoint, FieldValue, HeaderRule, JWT_BEARER, Lifetime,
    OAUTH_ANSWER, PartyRules, Proof, TokenForm, Trust, forbidden, optional, required,
};

/// Anthropic.
pub(super) const RULES: PartyRules = PartyRules {
    endpoints: &[Endpoint {
        path: "/v1/oauth/token",
        methods: &["POST"],
        encoding: Encoding::Json,
        headers: &[(
            "anthropic-beta",
            HeaderRule::Lists(&["oauth-2025-04-20", "oidc-federation-2026-04-01"]),
        )],
        fields: &[
            required("grant_type", FieldValue::OneOf(&[JWT_BEARER]), Kind::Grant),
            required("assertion", FieldValue::Text, Kind::Malformed),
            required(
                "federation_rule_id",
                FieldValue::Id { prefix: "fdrl_", known: &["fdrl_emulator"] },
                Kind::Client,
            ),
            required(
                "organization_id",
                FieldValue::Uuid("00000000-0000-4000-8000-000000000001"),
                Kind::Client,
            ),
            optional(
                "service_account_id",
                FieldValue::Id { prefix: "svac_", known: &["svac_emulator"] },
                Kind::Account,
            ),
            optional(
                "workspace_id",
                FieldValue::Id { prefix: "wrkspc_", known: &["wrkspc_emulator", "default"] },
                Kind::Account,
            ),
            forbidden("scope"),
        ],
        only_known_fields: false,
        proof: Proof::Field("assertion"),
        trust: Trust {
            audiences: &["https://api.anthropic.com"],
            sole_audience: false,
            algorithms: BOTH,
            single_use: true,
            max_life: None,
        },
        life: Lifetime { own: 3600, of_remaining: Some(2), floor: 60, asked: None },
        token: TokenForm::Opaque("sk-ant-oat01-"),
        answer: OAUTH_ANSWER,
        errors: Errors {
            shape: Shape::Anthropic,
            rows: &[
                row(REQUEST, 400, named("invalid_request_error")),
                row(&[Kind::RateLimited], 429, named("rate_limit_error")),
            ],
            other: (401, named("authentication_error"), Some("Authentication failed")),
        },
    }],
    documents: &[],
    api: ApiRules {
        header: "authorization",
        prefix: "Bearer ",
        companion: Some(("anthropic-beta", "oauth-2025-04-20")),
        refused_headers: &["x-api-key"],
        refusal_status: 401,
        unauthorized: (Shape::Anthropic, named("authentication_error")),
        answers: &[("POST", "/v1/messages", ApiAnswer::AnthropicMessage)],
    },
};
