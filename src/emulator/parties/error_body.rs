//! The errors of relying parties: which status and code an error has, and in what form it is written.

use super::error::{Kind, PartyError};
use crate::emulator::unix_seconds::UnixSeconds;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

/// The errors of a token endpoint.
pub(super) struct Errors {
    /// The form.
    pub(super) shape: Shape,
    /// The rows, of which the first that names a kind holds.
    pub(super) rows: &'static [Row],
    /// The status, the code and the text of every other kind; no text says what is wrong.
    pub(super) other: (u16, ErrorCode, Option<&'static str>),
}

/// The status and the code of some kinds of refusals.
pub(super) struct Row {
    pub(super) kinds: &'static [Kind],
    pub(super) status: u16,
    pub(super) code: ErrorCode,
    /// The text; none says what is wrong.
    pub(super) text: Option<&'static str>,
}

/// A code: a name, a number, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ErrorCode {
    pub(super) name: &'static str,
    pub(super) number: u32,
}

/// The form of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `error` and `error_description` (RFC 6749, section 5.2).
    Oauth,
    /// Anthropic's `error` object with a type and a message.
    Anthropic,
    /// The `error` object of OpenAI's API.
    Openai,
    /// The OAuth error of Entra, with AADSTS numbers.
    Entra,
    /// The `error` object of Microsoft Graph.
    Graph,
    /// The `error` object of Google's APIs.
    Google,
    /// Vault's list of texts.
    Vault,
    /// `error_code` and `message` of Databricks' API.
    Databricks,
    /// Confluent's list of errors.
    Confluent,
    /// A status of gRPC in JSON.
    Grpc,
    /// A `message` and nothing else.
    Message,
}

/// The refusals of what is wrong before the assertion is looked at.
pub(super) const REQUEST: &[Kind] = &[
    Kind::Method,
    Kind::MediaType,
    Kind::Body,
    Kind::Header,
    Kind::MissingField,
    Kind::RepeatedField,
    Kind::UnknownField,
    Kind::Malformed,
    Kind::Grant,
    Kind::TooLarge,
];

/// The refusals of the assertion.
pub(super) const ASSERTION: &[Kind] = &[
    Kind::TooLarge,
    Kind::Jwt,
    Kind::Algorithm,
    Kind::Key,
    Kind::Signature,
    Kind::Issuer,
    Kind::Audience,
    Kind::Subject,
    Kind::Expired,
    Kind::NotYetValid,
    Kind::LivesTooLong,
    Kind::Spent,
];

/// The errors of RFC 8693, section 2.2.2, and RFC 6749, section 5.2.
pub(super) const EXCHANGE_ERRORS: Errors = Errors {
    shape: Shape::Oauth,
    rows: &[
        row(&[Kind::Grant], 400, named("unsupported_grant_type")),
        row(&[Kind::Scope], 400, named("invalid_scope")),
        row(&[Kind::Tenant, Kind::Client, Kind::Account, Kind::Opaque], 401, named("invalid_client")),
        row(&[Kind::NotPropagated], 400, named("invalid_grant")),
        row(ASSERTION, 400, named("invalid_grant")),
    ],
    other: (400, named("invalid_request"), None),
};

/// A code with a name.
pub(super) const fn named(name: &'static str) -> ErrorCode {
    ErrorCode { name, number: 0 }
}

/// A code with a name and a number.
pub(super) const fn numbered(name: &'static str, number: u32) -> ErrorCode {
    ErrorCode { name, number }
}

/// A row without a text of its own.
pub(super) const fn row(kinds: &'static [Kind], status: u16, code: ErrorCode) -> Row {
    Row { kinds, status, code, text: None }
}

/// A row with a text.
pub(super) const fn row_saying(
    kinds: &'static [Kind],
    status: u16,
    code: ErrorCode,
    text: &'static str,
) -> Row {
    Row { kinds, status, code, text: Some(text) }
}

impl Errors {
    /// The answer to an error.
    pub(super) fn answer(&self, error: &PartyError, now: UnixSeconds) -> Response<Body> {
        let row = self.rows.iter().find(|row| row.kinds.contains(&error.kind));
        let (other_status, other_code, other_text) = self.other;
        let (status, code, text) = match (row, error.kind) {
            (Some(row), _) => (row.status, row.code, row.text),
            (None, Kind::Opaque) => (401, other_code, other_text),
            (None, Kind::RateLimited) => (429, named("temporarily_unavailable"), None),
            (None, Kind::Method) => (405, other_code, other_text),
            (None, _) => (other_status, other_code, other_text),
        };
        error_answer(self.shape, status, code, text.unwrap_or(&error.text), now)
    }
}

/// An error answer.
pub(super) fn error_answer(
    shape: Shape,
    status: u16,
    code: ErrorCode,
    text: &str,
    now: UnixSeconds,
) -> Response<Body> {
    let id = uuid::Uuid::new_v4().to_string();
    let body = body(shape, code, text, &id, now);
    let mut response = json_answer(&body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let id = HeaderValue::from_str(&id).expect("a UUID is visible ASCII");
    match shape {
        Shape::Anthropic => response.headers_mut().insert("request-id", id),
        Shape::Entra => response.headers_mut().insert("x-ms-request-id", id),
        Shape::Oauth
        | Shape::Openai
        | Shape::Graph
        | Shape::Google
        | Shape::Vault
        | Shape::Databricks
        | Shape::Confluent
        | Shape::Grpc
        | Shape::Message => response.headers_mut().insert("x-request-id", id),
    };
    response
}

/// An answer in JSON that is not to be stored (RFC 6749, section 5.1).
pub(super) fn json_answer(body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    response
}

fn body(shape: Shape, code: ErrorCode, text: &str, id: &str, now: UnixSeconds) -> Value {
    let ErrorCode { name, number } = code;
    match shape {
        Shape::Oauth => json!({ "error": name, "error_description": text }),
        Shape::Anthropic => {
            json!({ "type": "error", "error": { "type": name, "message": text }, "request_id": id })
        }
        Shape::Openai => {
            json!({ "error": { "message": text, "type": "invalid_request_error", "param": null, "code": name } })
        }
        Shape::Graph => json!({ "error": { "code": name, "message": text } }),
        Shape::Google => json!({ "error": { "code": number, "message": text, "status": name } }),
        Shape::Vault => json!({ "errors": [text] }),
        Shape::Databricks => json!({ "error_code": name, "message": text }),
        Shape::Confluent => json!({ "errors": [{ "id": id, "code": name, "detail": text }] }),
        Shape::Grpc => json!({ "code": number, "message": text, "details": [] }),
        Shape::Message => json!({ "message": text }),
        Shape::Entra => {
            let at = now.rfc3339();
            let described =
                format!("AADSTS{number}: {text} Trace ID: {id} Correlation ID: {id} Timestamp: {at}");
            json!({
                "error": name,
                "error_description": described,
                "error_codes": [number],
                "timestamp": at,
                "trace_id": id,
                "correlation_id": id,
            })
        }
    }
}
