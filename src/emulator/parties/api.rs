//! The API of a relying party: it answers a request that carries the token as the party wants it, and refuses any other.

use super::completions;
use super::error_body::{error_answer, json_answer};
use super::incoming::Incoming;
use super::rules::{ApiAnswer, ApiRules};
use crate::emulator::exchange_log::OK;
use crate::emulator::handle::EmulatorHandle;
use crate::emulator::party::Party;
use crate::emulator::party_results::Issued;
use axum::body::Body;
use axum::http::Response;
use serde_json::{Map, Value, json};

/// Answers a request to the API of a party.
pub(super) fn answer(
    handle: &EmulatorHandle,
    party: Party,
    rules: &ApiRules,
    incoming: &Incoming,
) -> Response<Body> {
    let admitted = admit(handle, party, rules, incoming);
    handle.parties().called(party, if admitted.is_ok() { OK } else { "unauthorized" });
    let issued = match admitted {
        Ok(issued) => issued,
        Err(text) => {
            let (shape, code) = rules.unauthorized;
            return error_answer(shape, rules.refusal_status, code, &text, handle.now());
        }
    };
    let answer = rules
        .answers
        .iter()
        .find(|(method, ending, _)| incoming.method.as_str() == *method && incoming.path.ends_with(ending));
    match answer {
        Some((_, _, ApiAnswer::AnthropicMessage)) => completions::anthropic_message(&incoming.body),
        Some((_, _, ApiAnswer::OpenaiResponse)) => completions::openai_response(&incoming.body),
        Some((_, _, ApiAnswer::OpenaiChat)) => completions::openai_chat(&incoming.body),
        Some((_, _, ApiAnswer::Json(text))) => json_answer(&serde_json::from_str(text).unwrap_or_default()),
        Some((_, _, ApiAnswer::Revoke)) => {
            handle.parties().revoke_one(incoming.bearer());
            json_answer(&json!({}))
        }
        None => echo(party, rules, incoming, &issued),
    }
}

fn admit(
    handle: &EmulatorHandle,
    party: Party,
    rules: &ApiRules,
    incoming: &Incoming,
) -> Result<Issued, String> {
    let header = rules.header;
    if handle.faults().of(party).api_unauthorized {
        return Err("unauthorized".to_owned());
    }
    if let Some(stray) = rules.refused_headers.iter().find(|name| incoming.headers.contains_key(**name)) {
        return Err(format!("{stray} must not be sent beside a token"));
    }
    let mut values = incoming.headers.get_all(header).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(format!("{header} must be there once"));
    };
    let token = value.to_str().ok().and_then(|value| value.strip_prefix(rules.prefix));
    let issued = token.and_then(|token| handle.parties().find(token, party, handle.now()));
    let issued = issued.ok_or_else(|| format!("{header} has no valid token of this party"))?;
    match rules.companion {
        Some((name, member)) if !incoming.lists(name, member) => Err(format!("{name} must have {member}")),
        Some(_) | None => Ok(issued),
    }
}

/// What arrived, without the token.
fn echo(party: Party, rules: &ApiRules, incoming: &Incoming, issued: &Issued) -> Response<Body> {
    let headers = incoming.headers.iter().filter(|(name, _)| *name != rules.header);
    let headers: Map<String, Value> = headers
        .map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes()))))
        .collect();
    json_answer(&json!({
        "party": party,
        "method": incoming.method.as_str(),
        "path": incoming.path,
        "query": incoming.query,
        "headers": headers,
        "subject": issued.subject,
        "scope": issued.scope,
    }))
}
