//! OpenAI's API, as its SDKs and its guide of workload identity federation have it.

use super::error::Kind;
use super::error_body::{ASSERTION, Errors, Shape, named, row};
use super::rules::{
    ACCESS_TOKEN_TYPE, AnswerPart, ApiAnswer, BOTH, Encoding, Endpoint, FieldValue, ID_TOKEN_TYPE, JWT_TYPE,
    Lifetime, PartyRules, Proof, TOKEN_EXCHANGE, TokenForm, Trust, bearer_api, optional, required,
};

/// OpenAI's API.
pub(super) const RULES: PartyRules = PartyRules {
    endpoints: &[Endpoint {
        path: "/oauth/token",
        methods: &["POST"],
        encoding: Encoding::Json,
        headers: &[],
        fields: &[
            required("grant_type", FieldValue::OneOf(&[TOKEN_EXCHANGE]), Kind::Grant),
            required("subject_token", FieldValue::Text, Kind::Malformed),
            required("subject_token_type", FieldValue::OneOf(&[JWT_TYPE, ID_TOKEN_TYPE]), Kind::Malformed),
            required(
                "identity_provider_id",
                FieldValue::Id { prefix: "idp_", known: &["idp_emulator"] },
                Kind::Client,
            ),
            required("service_account_id", FieldValue::OneOf(&["svcacct-emulator"]), Kind::Account),
            optional("client_id", FieldValue::Text, Kind::Malformed),
        ],
        only_known_fields: false,
        proof: Proof::Field("subject_token"),
        trust: Trust {
            audiences: &["https://api.openai.com/v1"],
            sole_audience: false,
            algorithms: BOTH,
            single_use: false,
            max_life: None,
        },
        life: Lifetime { own: 3600, of_remaining: Some(1), floor: 1, asked: None },
        token: TokenForm::Opaque("oat-"),
        answer: &[
            ("access_token", AnswerPart::Token),
            ("issued_token_type", AnswerPart::Text(ACCESS_TOKEN_TYPE)),
            ("token_type", AnswerPart::Text("Bearer")),
            ("expires_in", AnswerPart::Seconds),
        ],
        errors: Errors {
            shape: Shape::Oauth,
            rows: &[
                row(&[Kind::Grant], 400, named("unsupported_grant_type")),
                row(&[Kind::Client, Kind::Account, Kind::NotPropagated], 401, named("invalid_grant")),
                row(ASSERTION, 401, named("invalid_subject_token")),
            ],
            other: (400, named("invalid_request"), None),
        },
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
