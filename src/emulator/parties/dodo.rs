//! Dodo Payments, as its crate has it, with a provider of the type `aws`.

use super::error::Kind;
use super::error_body::{EXCHANGE_ERRORS, Shape, named};
use super::rules::{
    AnswerPart, ApiAnswer, BOTH, Encoding, Endpoint, FieldValue, JWT_TYPE, Lifetime, PartyRules, Proof,
    TOKEN_EXCHANGE, TokenForm, Trust, bearer_api, required,
};

/// Dodo Payments.
pub(super) const RULES: PartyRules = PartyRules {
    endpoints: &[Endpoint {
        path: "/workload-identity/token",
        methods: &["POST"],
        encoding: Encoding::Json,
        headers: &[],
        fields: &[
            required("grant_type", FieldValue::OneOf(&[TOKEN_EXCHANGE]), Kind::Grant),
            required("subject_token_type", FieldValue::OneOf(&[JWT_TYPE]), Kind::Malformed),
            required("subject_token", FieldValue::Text, Kind::Malformed),
            required(
                "identity_provider_id",
                FieldValue::Id { prefix: "wip_", known: &["wip_emulator"] },
                Kind::Client,
            ),
        ],
        only_known_fields: false,
        proof: Proof::Field("subject_token"),
        trust: Trust {
            audiences: &["https://live.dodopayments.com", "https://test.dodopayments.com"],
            sole_audience: false,
            algorithms: BOTH,
            single_use: true,
            max_life: Some(3600),
        },
        life: Lifetime { own: 3600, of_remaining: None, floor: 1, asked: None },
        token: TokenForm::Opaque("dwi_"),
        answer: &[
            ("access_token", AnswerPart::Token),
            ("token_type", AnswerPart::Text("Bearer")),
            ("expires_at", AnswerPart::Rfc3339),
        ],
        errors: EXCHANGE_ERRORS,
    }],
    documents: &[],
    api: bearer_api(
        (Shape::Oauth, named("unauthorized")),
        &[("POST", "/workload-identity/token/revoke", ApiAnswer::Revoke)],
    ),
};
