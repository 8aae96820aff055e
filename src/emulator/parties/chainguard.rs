//! Chainguard and octo-sts, which share a protocol: the JWT is the bearer, everything else is in the query, and the answer says
//! nothing of an expiry.

use super::error::Kind;
use super::error_body::{ASSERTION, Errors, Shape, named, numbered, row};
use super::rules::{
    AnswerPart, BOTH, Encoding, Endpoint, Field, FieldValue, Lifetime, PartyRules, Proof, TokenForm, Trust,
    bearer_api, optional, required,
};

/// Chainguard.
pub(super) const CHAINGUARD: PartyRules = PartyRules {
    endpoints: &[endpoint(
        &[
            required("aud", FieldValue::Text, Kind::Malformed),
            required("identity", FieldValue::OneOf(&["emulator/attache"]), Kind::Client),
            optional("cap", FieldValue::Text, Kind::Malformed),
            optional("identity_provider", FieldValue::Text, Kind::Malformed),
        ],
        &["https://issuer.enforce.dev"],
        TokenForm::Jwt,
    )],
    documents: &[],
    api: bearer_api((Shape::Grpc, numbered("", 16)), &[]),
};

/// octo-sts, whose result is for GitHub's API.
pub(super) const OCTO_STS: PartyRules = PartyRules {
    endpoints: &[endpoint(
        &[
            required("scope", FieldValue::OneOf(&["emulator/attache"]), Kind::Client),
            required("identity", FieldValue::OneOf(&["attache"]), Kind::Client),
        ],
        &["octo-sts.dev"],
        TokenForm::Opaque("ghs_"),
    )],
    documents: &[],
    api: bearer_api((Shape::Message, named("")), &[]),
};

const fn endpoint(
    fields: &'static [Field],
    audiences: &'static [&'static str],
    token: TokenForm,
) -> Endpoint {
    Endpoint {
        path: "/sts/exchange",
        methods: &["POST", "GET"],
        encoding: Encoding::Query,
        headers: &[],
        fields,
        only_known_fields: false,
        proof: Proof::Bearer,
        trust: Trust { audiences, sole_audience: false, algorithms: BOTH, single_use: false, max_life: None },
        life: Lifetime { own: 3600, of_remaining: None, floor: 1, asked: None },
        token,
        answer: &[("token", AnswerPart::Token)],
        errors: ERRORS,
    }
}

const ERRORS: Errors = Errors {
    shape: Shape::Grpc,
    rows: &[
        row(&[Kind::Client], 404, numbered("", 5)),
        row(&[Kind::Audience, Kind::Subject, Kind::NotPropagated], 403, numbered("", 7)),
        row(&[Kind::Header, Kind::Opaque], 401, numbered("", 16)),
        row(ASSERTION, 401, numbered("", 16)),
        row(&[Kind::RateLimited], 429, numbered("", 8)),
    ],
    other: (400, numbered("", 3), None),
};
