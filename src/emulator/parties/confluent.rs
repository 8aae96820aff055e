//! Confluent Cloud's security token service.

use super::error::Kind;
use super::error_body::{ASSERTION, Errors, Shape, named, row};
use super::rules::{
    ACCESS_TOKEN_TYPE, AnswerPart, BOTH, Encoding, Endpoint, FieldValue, JWT_TYPE, Lifetime, PartyRules,
    Proof, TOKEN_EXCHANGE, TokenForm, Trust, bearer_api, optional, required,
};

/// Confluent Cloud.
pub(super) const RULES: PartyRules = PartyRules {
    endpoints: &[Endpoint {
        path: "/sts/v1/oauth2/token",
        methods: &["POST"],
        encoding: Encoding::Form,
        headers: &[],
        fields: &[
            required("grant_type", FieldValue::OneOf(&[TOKEN_EXCHANGE]), Kind::Grant),
            required("subject_token", FieldValue::Text, Kind::Malformed),
            required("subject_token_type", FieldValue::OneOf(&[JWT_TYPE]), Kind::Malformed),
            required(
                "identity_pool_id",
                FieldValue::Id { prefix: "pool-", known: &["pool-emulator"] },
                Kind::Client,
            ),
            required("requested_token_type", FieldValue::OneOf(&[ACCESS_TOKEN_TYPE]), Kind::Malformed),
            optional("expires_in", FieldValue::SecondsWith(""), Kind::Malformed),
        ],
        only_known_fields: false,
        proof: Proof::Field("subject_token"),
        trust: Trust {
            audiences: &["https://api.confluent.cloud"],
            sole_audience: false,
            algorithms: BOTH,
            single_use: false,
            max_life: None,
        },
        life: Lifetime { own: 900, of_remaining: None, floor: 1, asked: Some("expires_in") },
        token: TokenForm::Jwt,
        answer: &[
            ("access_token", AnswerPart::Token),
            ("issued_token_type", AnswerPart::Text(ACCESS_TOKEN_TYPE)),
            ("token_type", AnswerPart::Text("Bearer")),
            ("expires_in", AnswerPart::Seconds),
        ],
        errors: Errors {
            shape: Shape::Confluent,
            rows: &[
                row(&[Kind::Client, Kind::NotPropagated, Kind::Opaque], 401, named("unauthorized")),
                row(ASSERTION, 401, named("unauthorized")),
                row(&[Kind::RateLimited], 429, named("rate_limited")),
            ],
            other: (400, named("invalid_request"), None),
        },
    }],
    documents: &[],
    api: bearer_api((Shape::Confluent, named("unauthorized")), &[]),
};
