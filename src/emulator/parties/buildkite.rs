//! Buildkite: client credentials with the JWT as the assertion of the client.

use super::error::Kind;
use super::error_body::{EXCHANGE_ERRORS, Shape, named};
use super::rules::{
    BOTH, CLIENT_ASSERTION, Encoding, Endpoint, FieldValue, Lifetime, OAUTH_ANSWER, PartyRules, Proof,
    TokenForm, Trust, bearer_api, required,
};

/// Buildkite.
pub(super) const RULES: PartyRules = PartyRules {
    endpoints: &[Endpoint {
        path: "/oauth/token",
        methods: &["POST"],
        encoding: Encoding::Form,
        headers: &[],
        fields: &[
            required("grant_type", FieldValue::OneOf(&["client_credentials"]), Kind::Grant),
            required("client_id", FieldValue::OneOf(&["emulator"]), Kind::Client),
            required("client_assertion_type", FieldValue::OneOf(&[CLIENT_ASSERTION]), Kind::Malformed),
            required("client_assertion", FieldValue::Text, Kind::Malformed),
        ],
        only_known_fields: false,
        proof: Proof::Field("client_assertion"),
        trust: Trust {
            audiences: &["https://buildkite.com"],
            sole_audience: false,
            algorithms: BOTH,
            single_use: false,
            max_life: None,
        },
        life: Lifetime { own: 3600, of_remaining: None, floor: 1, asked: None },
        token: TokenForm::Opaque("bkat_"),
        answer: OAUTH_ANSWER,
        errors: EXCHANGE_ERRORS,
    }],
    documents: &[],
    api: bearer_api((Shape::Message, named("")), &[]),
};
