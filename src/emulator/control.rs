//! The control API, which sets faults and shows the call log over HTTP, all in JSON:
//!
//! | call | effect |
//! |---|---|
//! | `GET /_emulator` | the state: issuer, account, role, keys, session, faults, counters, last calls |
//! | `GET /_emulator/faults` | the faults in force, each field as in [`Faults`](crate::emulator::faults::Faults) |
//! | `PUT /_emulator/faults` | these faults and no others |
//! | `PATCH /_emulator/faults` | these fields change, `null` is a field's default (RFC 7396) |
//! | `GET /_emulator/parties` | what each relying party takes and trusts |
//! | `POST /_emulator/revoke` | `{"party": "anthropic"}`: what the party has given out is worth nothing any more |
//! | `PUT /_emulator/session` | `{"remaining_seconds": n}` of the session behind every key, or behind `"access_key_id"`; `null` is long-term |
//! | `POST /_emulator/rotate` | new signing keys; the old stay published |
//! | `POST /_emulator/reset` | faults, sessions and federation as at the start, nothing counted |
//!
//! Requests of web pages are refused: otherwise any site in a browser on the same machine could change what a test
//! relies on.

use super::faults::Faults;
use super::handle::EmulatorHandle;
use super::parties;
use super::party::Party;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post, put};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// The maximum length of an access key id, in bytes (STS API reference, `Credentials`).
const MAX_KEY_ID: usize = 128;

/// The routes of the control API.
pub(super) fn router() -> Router<EmulatorHandle> {
    Router::new()
        .route("/_emulator", get(state))
        .route("/_emulator/", get(state))
        .route("/_emulator/faults", get(faults).put(replace).patch(change))
        .route("/_emulator/session", put(session))
        .route("/_emulator/rotate", post(rotate))
        .route("/_emulator/parties", get(async || Json(parties::described())))
        .route("/_emulator/revoke", post(revoke))
        .route("/_emulator/reset", post(reset))
        .route_layer(from_fn(refuse_pages))
}

/// Refuses requests of web pages. Browsers mark them with `Origin` or `Sec-Fetch-Site` (Fetch standard; W3C, Fetch
/// Metadata); the latter is `none` for an address that a user types.
async fn refuse_pages(request: Request, next: Next) -> Response {
    let of_page = |site: &HeaderValue| !matches!(site.as_bytes(), b"none" | b"same-origin");
    let headers = request.headers();
    if headers.contains_key(ORIGIN) || headers.get("sec-fetch-site").is_some_and(of_page) {
        return (StatusCode::FORBIDDEN, "a web page may not control the emulator\n").into_response();
    }
    next.run(request).await
}

async fn state(State(handle): State<EmulatorHandle>) -> Json<Value> {
    let call_log = handle.call_log();
    let options = handle.options();
    let exchange_log = handle.parties().log();
    let [exchanges, api_calls] = exchange_log.counters();
    Json(json!({
        "issuer": handle.issuer(),
        "account": options.account,
        "role": handle.role().to_string(),
        "region": options.region,
        "federation_enabled": handle.is_federation_enabled(),
        "session_end": handle.session_end().map(|end| end.rfc3339()),
        "now": handle.now().rfc3339(),
        "signing_keys": handle.signer().key_ids(),
        "faults": handle.faults(),
        "counters": call_log.counters(),
        "calls": call_log.calls().collect::<Vec<_>>(),
        "exchange_counters": exchanges,
        "api_call_counters": api_calls,
        "exchanges": exchange_log.last().collect::<Vec<_>>(),
    }))
}

async fn faults(State(handle): State<EmulatorHandle>) -> Json<Faults> {
    Json(handle.faults())
}

async fn replace(State(handle): State<EmulatorHandle>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(faults) => put_in_force(&handle, faults),
        Err(error) => bad_request(&error),
    }
}

async fn change(State(handle): State<EmulatorHandle>, body: Bytes) -> Response {
    match changed(&handle.faults(), &body) {
        Ok(faults) => put_in_force(&handle, faults),
        Err(error) => bad_request(&error),
    }
}

fn changed(now: &Faults, body: &[u8]) -> serde_json::Result<Faults> {
    let changes: serde_json::Map<String, Value> = serde_json::from_slice(body)?;
    let mut faults = serde_json::to_value(now)?;
    merge(&mut faults, changes);
    serde_json::from_value(faults)
}

/// Merges changes into a document: objects field by field, and null removes (RFC 7396).
fn merge(document: &mut Value, changes: serde_json::Map<String, Value>) {
    for (name, change) in changes {
        match (document.as_object_mut(), change) {
            (Some(fields), Value::Null) => {
                fields.remove(&name);
            }
            (_, Value::Object(inner)) => {
                if !document[&name].is_object() {
                    document[&name] = json!({});
                }
                merge(&mut document[&name], inner);
            }
            (_, value) => document[&name] = value,
        }
    }
}

fn put_in_force(handle: &EmulatorHandle, faults: Faults) -> Response {
    handle.set_faults(faults);
    Json(handle.faults()).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    access_key_id: Option<String>,
    remaining_seconds: Option<u32>,
}

async fn session(State(handle): State<EmulatorHandle>, body: Bytes) -> Response {
    let session: Session = match serde_json::from_slice(&body) {
        Ok(session) => session,
        Err(error) => return bad_request(&error),
    };
    let remaining = session.remaining_seconds.map(|seconds| Duration::from_secs(u64::from(seconds)));
    match session.access_key_id {
        Some(key) if key.len() > MAX_KEY_ID => return StatusCode::BAD_REQUEST.into_response(),
        Some(key) => handle.set_session_of(&key, remaining),
        None => handle.set_session(remaining),
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn rotate(State(handle): State<EmulatorHandle>) -> Response {
    match handle.rotate_keys().await {
        Ok(()) => Json(json!({ "signing_keys": handle.signer().key_ids() })).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocation {
    party: Party,
}

async fn revoke(State(handle): State<EmulatorHandle>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(Revocation { party }) => {
            handle.parties().revoke(party);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => bad_request(&error),
    }
}

async fn reset(State(handle): State<EmulatorHandle>) -> StatusCode {
    handle.reset();
    StatusCode::NO_CONTENT
}

fn bad_request(error: &serde_json::Error) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error.to_string() }))).into_response()
}
