//! OpenRouter, as its SDK and its reference of the token exchange have it.

use super::error::Kind;
use super::error_body::{EXCHANGE_ERRORS, Shape, named};
use super::rules::{
    ACCESS_TOKEN_TYPE, AnswerPart, ApiAnswer, Encoding, Endpoint, FieldValue, JWT_TYPE, Lifetime, PartyRules,
    Proof, TOKEN_EXCHANGE, TokenForm, Trust, bearer_api, optional, required,
};

/// OpenRouter.
pub(super) const RULES: PartyRules = PartyRules {
    endpoints: &[Endpoint {
        path: "/api/v1/oauth/token",
        methods: &["POST"],
        encoding: Encoding::Form,
        headers: &[],
        fields: &[
            required("grant_type", FieldValue::OneOf(&[TOKEN_EXCHANGE]), Kind::Grant),
            required("subject_token", FieldValue::Text, Kind::Malformed),
            required("subject_token_type", FieldValue::OneOf(&[JWT_TYPE]), Kind::Malformed),
            required("federation_policy_id", FieldValue::OneOf(&["policy-emulator"]), Kind::Client),
            optional("requested_token_type", FieldValue::OneOf(&[ACCESS_TOKEN_TYPE]), Kind::Malformed),
            optional("scope", FieldValue::OneOf(&["inference"]), Kind::Scope),
        ],
        only_known_fields: false,
        proof: Proof::Field("subject_token"),
        trust: Trust {
            audiences: &["https://openrouter.ai"],
            sole_audience: false,
            algorithms: &["RS256"],
            single_use: false,
            max_life: None,
        },
        life: Lifetime { own: 900, of_remaining: Some(1), floor: 1, asked: None },
        token: TokenForm::Jwt,
        answer: &[
            ("access_token", AnswerPart::Token),
            ("issued_token_type", AnswerPart::Text(ACCESS_TOKEN_TYPE)),
            ("token_type", AnswerPart::Text("Bearer")),
            ("expires_in", AnswerPart::Seconds),
            ("scope", AnswerPart::Text("inference")),
        ],
        errors: EXCHANGE_ERRORS,
    }],
    documents: &[],
    api: bearer_api(
        (Shape::Openai, named("invalid_api_key")),
        &[
            ("POST", "/v1/responses", ApiAnswer::OpenaiResponse),
            ("POST", "/v1/chat/completions", ApiAnswer::OpenaiChat),
        ],
    ),
};
