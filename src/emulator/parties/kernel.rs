//! KERNEL, whose endpoint refuses fields that it does not know, fields that come twice, and every `Authorization`.

use super::error::Kind;
use super::error_body::{Errors, REQUEST, Shape, named, row};
use super::rules::{
    BOTH, Encoding, Endpoint, FieldValue, HeaderRule, JWT_BEARER, Lifetime, OAUTH_ANSWER, PartyRules, Proof,
    TokenForm, Trust, bearer_api, optional, required,
};

/// KERNEL.
pub(super) const RULES: PartyRules = PartyRules {
    endpoints: &[Endpoint {
        path: "/token",
        methods: &["POST"],
        encoding: Encoding::Form,
        headers: &[("authorization", HeaderRule::Absent)],
        fields: &[
            required("grant_type", FieldValue::OneOf(&[JWT_BEARER]), Kind::Grant),
            required("assertion", FieldValue::Text, Kind::Malformed),
            required(
                "federation_rule_id",
                FieldValue::Id { prefix: "wifr_", known: &["wifr_emulator"] },
                Kind::Client,
            ),
            optional("resource", FieldValue::Text, Kind::Malformed),
        ],
        only_known_fields: true,
        proof: Proof::Field("assertion"),
        trust: Trust {
            audiences: &["https://auth.onkernel.com"],
            sole_audience: false,
            algorithms: BOTH,
            single_use: false,
            max_life: None,
        },
        life: Lifetime { own: 600, of_remaining: Some(1), floor: 1, asked: None },
        token: TokenForm::Opaque("kwi_"),
        answer: OAUTH_ANSWER,
        errors: Errors {
            shape: Shape::Oauth,
            rows: &[
                row(&[Kind::Grant], 400, named("unsupported_grant_type")),
                row(REQUEST, 400, named("invalid_request")),
                row(&[Kind::RateLimited], 429, named("temporarily_unavailable")),
            ],
            other: (401, named("invalid_grant"), Some("the assertion is not accepted")),
        },
    }],
    documents: &[],
    api: bearer_api((Shape::Oauth, named("unauthorized")), &[]),
};
