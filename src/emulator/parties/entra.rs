//! Microsoft Entra ID: the client credentials flow with a federated credential.

use super::error::Kind;
use super::error_body::{Errors, Shape, named, numbered, row, row_saying};
use super::rules::{
    AnswerPart, CLIENT_ASSERTION, Encoding, Endpoint, FieldValue, Lifetime, PartyRules, Proof, TokenForm,
    Trust, bearer_api, optional, required,
};

/// Microsoft Entra ID. Its API is that of Microsoft Graph.
pub(super) const RULES: PartyRules = PartyRules {
    endpoints: &[Endpoint {
        path: "/{tenant}/oauth2/v2.0/token",
        methods: &["POST"],
        encoding: Encoding::Form,
        headers: &[],
        fields: &[
            required("tenant", FieldValue::OneOf(&["00000000-0000-4000-8000-0000000000aa"]), Kind::Tenant),
            required("grant_type", FieldValue::OneOf(&["client_credentials"]), Kind::Grant),
            required("client_id", FieldValue::OneOf(&["00000000-0000-4000-8000-0000000000cc"]), Kind::Client),
            required("client_assertion_type", FieldValue::OneOf(&[CLIENT_ASSERTION]), Kind::Malformed),
            required("client_assertion", FieldValue::Text, Kind::Malformed),
            required("scope", FieldValue::OneWordEnding("/.default"), Kind::Scope),
            optional("claims", FieldValue::Text, Kind::Malformed),
        ],
        only_known_fields: false,
        proof: Proof::Field("client_assertion"),
        trust: Trust {
            audiences: &["api://AzureADTokenExchange"],
            sole_audience: true,
            algorithms: &["RS256"],
            single_use: false,
            max_life: None,
        },
        life: Lifetime { own: 3599, of_remaining: None, floor: 1, asked: None },
        token: TokenForm::Jwt,
        answer: &[
            ("token_type", AnswerPart::Text("Bearer")),
            ("expires_in", AnswerPart::Seconds),
            ("ext_expires_in", AnswerPart::Seconds),
            ("access_token", AnswerPart::Token),
        ],
        errors: ERRORS,
    }],
    documents: &[],
    api: bearer_api((Shape::Graph, named("InvalidAuthenticationToken")), &[]),
};

const ERRORS: Errors = Errors {
    shape: Shape::Entra,
    rows: &[
        row(&[Kind::MissingField], 400, numbered("invalid_request", 900_144)),
        row(&[Kind::Grant], 400, numbered("unsupported_grant_type", 70_003)),
        row_saying(
            &[Kind::Tenant],
            400,
            numbered("invalid_request", 90_002),
            "Tenant not found. Check to make sure you have the correct tenant ID.",
        ),
        row_saying(
            &[Kind::Client],
            400,
            numbered("unauthorized_client", 700_016),
            "Application was not found in the directory.",
        ),
        row(&[Kind::Scope], 400, numbered("invalid_scope", 70_011)),
        row(&[Kind::Jwt, Kind::TooLarge], 401, numbered("invalid_client", 50_027)),
        row_saying(
            &[Kind::Signature, Kind::Key, Kind::Algorithm],
            401,
            numbered("invalid_client", 700_027),
            "Client assertion failed signature validation.",
        ),
        row_saying(
            &[Kind::Issuer],
            401,
            numbered("invalid_client", 700_211),
            "No matching federated identity record found for presented assertion issuer.",
        ),
        row_saying(
            &[Kind::Audience],
            401,
            numbered("invalid_client", 700_212),
            "No matching federated identity record found for presented assertion audience.",
        ),
        row_saying(
            &[Kind::Subject],
            401,
            numbered("invalid_client", 700_213),
            "No matching federated identity record found for presented assertion subject.",
        ),
        row_saying(
            &[Kind::Expired, Kind::NotYetValid],
            401,
            numbered("invalid_client", 700_024),
            "Client assertion is not within its valid time range.",
        ),
        row_saying(
            &[Kind::NotPropagated],
            400,
            numbered("invalid_client", 70_021),
            "No matching federated identity record found for presented assertion.",
        ),
        row_saying(
            &[Kind::Opaque],
            401,
            numbered("invalid_client", 50_000),
            "There was an error issuing a token.",
        ),
    ],
    other: (400, numbered("invalid_request", 900_023), None),
};
