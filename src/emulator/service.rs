//! Answers one call: parse, log, faults, authorization, operation, response.

use super::answer::{Reply, Xml};
use super::api_error::{ApiError, ErrorCode};
use super::authorization;
use super::call::{Api, Call, Operation};
use super::handle::EmulatorHandle;
use super::query::{self, Rejected};
use super::sessions::{self, Caller};
use super::{iam, sts};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use std::time::Duration;

/// Answers one call of the Query protocol.
pub(super) async fn call(
    State(handle): State<EmulatorHandle>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let call = query::parse(&body);
    let (operation, api) = match &call {
        Ok(call) => (Some(call.operation()), call.operation().api()),
        Err(rejected) => (rejected.operation, rejected.api),
    };
    let number = handle.arrive(call.as_ref().ok(), operation, authorization::access_key_id(&headers));
    let reply = match disturbed(&handle, operation, api).await {
        Some(reply) => reply,
        None => acted(&handle, &headers, call).await,
    };
    handle.finish(number, operation, reply.outcome());
    reply.into_response(handle.now())
}

/// Applies the faults to a call: waits as they require, and returns the reply that replaces the normal one, if any.
async fn disturbed(handle: &EmulatorHandle, operation: Option<Operation>, api: Api) -> Option<Reply> {
    let faults = handle.faults();
    if faults.latency_ms > 0 && faults.actions.covers(operation) {
        let latency = Duration::from_millis(u64::from(faults.latency_ms));
        handle.unless_closing(tokio::time::sleep(latency)).await;
    }
    handle.unless_closing(handle.released(operation)).await;

    let faults = handle.faults();
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
    error.map(|code| Reply::Refused(api, ApiError::usual(code)))
}

async fn acted(handle: &EmulatorHandle, headers: &HeaderMap, call: Result<Call, Rejected>) -> Reply {
    let call = match call {
        Ok(call) => call,
        Err(rejected) => return Reply::Refused(rejected.api, refused(handle, headers, rejected)),
    };
    let operation = call.operation();
    match act(handle, headers, &call).await {
        Ok(result) => Reply::Done(operation, result),
        Err(error) => Reply::Refused(operation.api(), error),
    }
}

/// The error of a call that cannot be parsed. As at STS, an unknown caller takes precedence over a bad parameter.
fn refused(handle: &EmulatorHandle, headers: &HeaderMap, rejected: Rejected) -> ApiError {
    let signed = rejected.operation.filter(|operation| operation.is_signed());
    let unknown = signed.and_then(|operation| caller(handle, headers, operation).err());
    unknown.unwrap_or(rejected.error)
}

async fn act(handle: &EmulatorHandle, headers: &HeaderMap, call: &Call) -> Result<Xml, ApiError> {
    let caller = || caller(handle, headers, call.operation());
    match call {
        Call::GetWebIdentityToken(request) => sts::mint(handle, &caller()?, request).await,
        Call::GetCallerIdentity => Ok(sts::caller_identity(&caller()?)),
        Call::AssumeRole(request) => sts::assume(handle, &caller()?, request),
        Call::AssumeRoleWithWebIdentity(request) => sts::assume_with_web_identity(handle, request),
        Call::EnableOutboundWebIdentityFederation => caller().and_then(|_| iam::enable(handle)),
        Call::GetOutboundWebIdentityFederationInfo => caller().and_then(|_| iam::info(handle)),
        Call::DisableOutboundWebIdentityFederation => caller().and_then(|_| iam::disable(handle)),
    }
}

fn caller(handle: &EmulatorHandle, headers: &HeaderMap, operation: Operation) -> Result<Caller, ApiError> {
    let scope = authorization::check(headers, operation.api())?;
    let caller = handle.caller(scope);
    sessions::permit(handle.now(), 0, caller.session_end)?;
    Ok(caller)
}
