//! One call's way: parse, record, faults, authorization, action, answer.

use super::answer::{Reply, Xml};
use super::authorization;
use super::call::{Api, Call, Operation};
use super::query::{self, Rejected};
use super::refusal::{ErrorCode, Refusal};
use super::sessions::{self, Caller};
use super::switchboard::Switchboard;
use super::{iam, sts};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use std::time::Duration;

/// Answers one call of the Query protocol.
pub(super) async fn call(
    State(switchboard): State<Switchboard>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let call = query::parse(&body);
    let (operation, api) = match &call {
        Ok(call) => (Some(call.operation()), call.operation().api()),
        Err(rejected) => (rejected.operation, rejected.api),
    };
    let number = switchboard.arrive(call.as_ref().ok(), operation, authorization::access_key_id(&headers));
    let reply = match disturbed(&switchboard, operation, api).await {
        Some(reply) => reply,
        None => acted(&switchboard, &headers, call).await,
    };
    switchboard.finish(number, operation, reply.outcome());
    reply.into_response(switchboard.now())
}

/// The answer that a fault gives in place of the true one, after it has held up the call.
async fn disturbed(switchboard: &Switchboard, operation: Option<Operation>, api: Api) -> Option<Reply> {
    let faults = switchboard.faults();
    if faults.latency_ms > 0 && faults.actions.covers(operation) {
        let latency = Duration::from_millis(u64::from(faults.latency_ms));
        switchboard.unless_closing(tokio::time::sleep(latency)).await;
    }
    switchboard.unless_closing(switchboard.released(operation)).await;

    let faults = switchboard.faults();
    if !faults.actions.covers(operation) {
        return None;
    }
    if faults.close {
        return Some(Reply::HangUp);
    }
    if let Some(outage) = faults.outage {
        return Some(Reply::outage(outage, api));
    }
    let error = if faults.throttle { Some(ErrorCode::Throttling) } else { faults.error };
    error.map(|code| Reply::Refused(api, Refusal::usual(code)))
}

async fn acted(switchboard: &Switchboard, headers: &HeaderMap, call: Result<Call, Rejected>) -> Reply {
    let call = match call {
        Ok(call) => call,
        Err(rejected) => return Reply::Refused(rejected.api, refused(switchboard, headers, rejected)),
    };
    let operation = call.operation();
    match act(switchboard, headers, &call).await {
        Ok(result) => Reply::Done(operation, result),
        Err(refusal) => Reply::Refused(operation.api(), refusal),
    }
}

/// A caller whom STS does not know is told so before their parameters are looked at.
fn refused(switchboard: &Switchboard, headers: &HeaderMap, rejected: Rejected) -> Refusal {
    let signed = rejected.operation.filter(|operation| operation.is_signed());
    let unknown = signed.and_then(|operation| caller(switchboard, headers, operation).err());
    unknown.unwrap_or(rejected.refusal)
}

async fn act(switchboard: &Switchboard, headers: &HeaderMap, call: &Call) -> Result<Xml, Refusal> {
    let caller = || caller(switchboard, headers, call.operation());
    match call {
        Call::GetWebIdentityToken(request) => sts::mint(switchboard, &caller()?, request).await,
        Call::GetCallerIdentity => Ok(sts::caller_identity(&caller()?)),
        Call::AssumeRole(request) => sts::assume(switchboard, &caller()?, request),
        Call::AssumeRoleWithWebIdentity(request) => sts::assume_with_web_identity(switchboard, request),
        Call::EnableOutboundWebIdentityFederation => caller().and_then(|_| iam::enable(switchboard)),
        Call::GetOutboundWebIdentityFederationInfo => caller().and_then(|_| iam::info(switchboard)),
        Call::DisableOutboundWebIdentityFederation => caller().and_then(|_| iam::disable(switchboard)),
    }
}

fn caller(switchboard: &Switchboard, headers: &HeaderMap, operation: Operation) -> Result<Caller, Refusal> {
    let scope = authorization::check(headers, operation.api())?;
    let caller = switchboard.caller(scope);
    sessions::permit(switchboard.now(), 0, caller.session_end)?;
    Ok(caller)
}
