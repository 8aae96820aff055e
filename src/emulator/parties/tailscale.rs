//! Tailscale, as its client has it.

use super::error::Kind;
use super::error_body::{Errors, Shape, named};
use super::rules::{
    BOTH, Encoding, Endpoint, FieldValue, Lifetime, OAUTH_ANSWER, PartyRules, Proof, TokenForm, Trust,
    bearer_api, required,
};

/// Tailscale.
pub(super) const RULES: PartyRules = PartyRules {
    endpoints: &[Endpoint {
        path: "/api/v2/oauth/token-exchange",
        methods: &["POST"],
        encoding: Encoding::Form,
        headers: &[],
        fields: &[
            required("client_id", FieldValue::OneOf(&["emulator"]), Kind::Client),
            required("jwt", FieldValue::Text, Kind::Malformed),
        ],
        only_known_fields: false,
        proof: Proof::Field("jwt"),
        trust: Trust {
            audiences: &["api.tailscale.com/emulator"],
            sole_audience: false,
            algorithms: BOTH,
            single_use: false,
            max_life: None,
        },
        life: Lifetime { own: 3600, of_remaining: None, floor: 1, asked: None },
        token: TokenForm::Opaque("tskey-api-"),
        answer: OAUTH_ANSWER,
        errors: Errors { shape: Shape::Message, rows: &[], other: (401, named(""), None) },
    }],
    documents: &[],
    api: bearer_api((Shape::Message, named("")), &[]),
};
