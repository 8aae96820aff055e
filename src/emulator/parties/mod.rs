//! The relying parties: the token endpoint of each, as strict as the party's own, and an API behind it that wants the result.
//! A party is a description; the code is the same for all of them.

use self::incoming::Incoming;
use self::rules::{Document, PartyRules};
use crate::emulator::handle::EmulatorHandle;
use crate::emulator::party::Party;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::routing::any;
use serde_json::Value;

/// The words of a description.
mod rules;
/// Why a request is refused.
mod error;
/// How a refusal is written.
mod error_body;
/// A request and its fields.
mod incoming;
/// Fields against rules.
mod check;
/// Verifies a JWT.
mod assertion;
/// What is given for it.
mod result;
/// Answers a request to a token endpoint.
mod exchange;
/// Answers a request to an API.
mod api;
/// What the APIs of language models answer.
mod completions;
/// The parties as data.
mod describe;
/// Anthropic.
mod anthropic;
/// OpenAI.
mod openai;
/// OpenRouter.
mod openrouter;
/// Microsoft Entra ID.
mod entra;
/// Google Cloud.
mod google;
/// HashiCorp Vault.
mod vault;
/// Databricks.
mod databricks;
/// Dodo Payments.
mod dodo;
/// Tailscale.
mod tailscale;
/// Confluent Cloud.
mod confluent;
/// Chainguard and octo-sts.
mod chainguard;
/// KERNEL.
mod kernel;
/// Buildkite.
mod buildkite;

/// The maximum size of a request body in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// The routes of all parties.
pub(super) fn router() -> Router<EmulatorHandle> {
    Router::new()
        .route("/parties/{party}", any(serve))
        .route("/parties/{party}/{*path}", any(serve))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// What each party takes and trusts.
pub(super) fn described() -> Vec<Value> {
    Party::ALL.map(|party| describe::describe(party.name(), rules_of(party))).to_vec()
}

async fn serve(
    State(handle): State<EmulatorHandle>,
    Path(names): Path<Vec<String>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let name = names.first().map(String::as_str).unwrap_or_default();
    let Some(party) = Party::find(name) else {
        let known = Party::ALL.map(Party::name).join(", ");
        let text = format!("there is no such party at the emulator, only {known}\n");
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    let prefix = format!("/parties/{name}");
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let base = format!("http://{host}{prefix}");
    let path = uri.path().strip_prefix(&prefix).unwrap_or_default().to_owned();
    let query = uri.query().unwrap_or_default().to_owned();
    answer(&handle, party, &Incoming { method, path, query, headers, body, base }).await
}

async fn answer(handle: &EmulatorHandle, party: Party, incoming: &Incoming) -> Response<Body> {
    let rules = rules_of(party);
    for endpoint in rules.endpoints {
        if let Some(fields) = incoming::placeholders(endpoint.path, &incoming.path) {
            return exchange::exchange(handle, party, endpoint, incoming, fields).await;
        }
    }
    match rules.documents.iter().find(|it| incoming::placeholders(it.path, &incoming.path).is_some()) {
        Some(document) if incoming.method == Method::GET => published(document, &incoming.base),
        Some(_) => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        None => api::answer(handle, party, &rules.api, incoming),
    }
}

fn published(document: &Document, base: &str) -> Response<Body> {
    let json = document.json.replace("{base}", base);
    ([("content-type", "application/json")], json).into_response()
}

fn rules_of(party: Party) -> &'static PartyRules {
    match party {
        Party::Anthropic => &anthropic::RULES,
        Party::Openai => &openai::RULES,
        Party::Openrouter => &openrouter::RULES,
        Party::Entra => &entra::RULES,
        Party::Google => &google::RULES,
        Party::Vault => &vault::RULES,
        Party::Databricks => &databricks::RULES,
        Party::Dodo => &dodo::RULES,
        Party::Tailscale => &tailscale::RULES,
        Party::Confluent => &confluent::RULES,
        Party::Chainguard => &chainguard::CHAINGUARD,
        Party::OctoSts => &chainguard::OCTO_STS,
        Party::Kernel => &kernel::RULES,
        Party::Buildkite => &buildkite::RULES,
    }
}
