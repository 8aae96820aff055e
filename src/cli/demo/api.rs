//! The third party's API of the demo. It answers a request that has a valid token with the request's content and the
//! caller's identity.

use crate::cli::verifier::{Rejection, Verified, Verifier};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A response of the API.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    /// Whether the token is valid.
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    /// The received request.
    pub(super) request: Arrived,
}

/// The result of verifying the token.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub(super) enum Verdict {
    /// The token is valid.
    Verified {
        /// The properties of the token.
        token: TokenFacts,
        /// The claims of the token.
        claims: Map<String, Value>,
    },
    /// The request has no valid token.
    Refused {
        /// The reason.
        reason: String,
    },
}

/// The properties of a token that may be shown.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TokenFacts {
    /// The algorithm of the signature.
    pub(super) algorithm: String,
    /// The id of the key that signed the token.
    pub(super) key: String,
    /// The length in characters.
    pub(super) length: usize,
}

/// A request as the API received it, without the token.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Arrived {
    /// The method.
    pub(super) method: String,
    /// The path and query.
    pub(super) path: String,
    /// The number of `Authorization` headers.
    pub(super) authorization_headers: usize,
    /// All other headers; several of one name are joined by commas.
    pub(super) headers: BTreeMap<String, String>,
    /// The length of the body in bytes.
    pub(super) body_bytes: usize,
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    /// The request has no bearer token.
    #[error("the request has no Authorization: Bearer")]
    NoToken,
    /// The request has several `Authorization` headers, so its credential is ambiguous.
    #[error("the request has more than one Authorization header")]
    SeveralTokens,
    /// The token does not verify.
    #[error("the token does not verify: {0}")]
    Token(#[from] Rejection),
}

/// Serves every path and method.
pub(super) fn router(verifier: Arc<Verifier>) -> Router {
    Router::new().fallback(answer).with_state(verifier)
}

async fn answer(State(verifier): State<Arc<Verifier>>, request: Request) -> Response {
    let (head, mut body) = request.into_parts();
    let mut body_bytes = 0;
    // A body that breaks off ends the loop too; the response describes the part that arrived.
    while let Some(Ok(frame)) = body.frame().await {
        body_bytes += frame.data_ref().map_or(0, |data| data.len());
    }
    let request = Arrived {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        authorization_headers: head.headers.get_all(AUTHORIZATION).iter().count(),
        headers: readable(&head.headers),
        body_bytes,
    };
    match identify(&verifier, &head.headers).await {
        Ok(verdict) => json(StatusCode::OK, &Answer { verdict, request }),
        Err(refusal) => {
            let verdict = Verdict::Refused { reason: refusal.to_string() };
            let (status, challenge) = refusal.status();
            let answer = json(status, &Answer { verdict, request });
            ([(WWW_AUTHENTICATE, challenge)], answer).into_response()
        }
    }
}

async fn identify(verifier: &Verifier, headers: &HeaderMap) -> Result<Verdict, Refusal> {
    let jwt = bearer(headers)?;
    let Verified { algorithm, key, claims } = verifier.verify(jwt).await?;
    let token = TokenFacts { algorithm: format!("{algorithm:?}"), key, length: jwt.len() };
    Ok(Verdict::Verified { token, claims })
}

fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| Refusal::NoToken)?,
        (None, _) => return Err(Refusal::NoToken),
        (Some(_), Some(_)) => return Err(Refusal::SeveralTokens),
    };
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_start()),
        _ => Err(Refusal::NoToken),
    }
}

impl Refusal {
    /// The response's status and challenge (RFC 6750, section 3.1).
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, "Bearer"),
            Self::SeveralTokens => (StatusCode::BAD_REQUEST, "Bearer error=\"invalid_request\""),
            Self::Token(Rejection::Issuer(_)) => (StatusCode::SERVICE_UNAVAILABLE, "Bearer"),
            Self::Token(_) => (StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\""),
        }
    }
}

fn readable(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut readable: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != AUTHORIZATION) {
        let value = String::from_utf8_lossy(value.as_bytes());
        readable
            .entry(name.to_string())
            .and_modify(|joined| *joined += &format!(", {value}"))
            .or_insert_with(|| value.into_owned());
    }
    readable
}

fn json(status: StatusCode, answer: &Answer) -> Response {
    let mut text =
        serde_json::to_string_pretty(answer).expect("text and numbers under text keys become JSON");
    text.push('\n');
    (status, [(CONTENT_TYPE, "application/json")], text).into_response()
}
