//! Answers one request to a token endpoint: read, log, faults, checks, result.

use super::assertion::{self, Verified};
use super::check;
use super::error::{Kind, PartyError};
use super::incoming::{Fields, Incoming};
use super::result;
use super::rules::{Endpoint, Proof};
use crate::emulator::exchange_log::{ExchangeRecord, OK};
use crate::emulator::faults::Outage;
use crate::emulator::handle::EmulatorHandle;
use crate::emulator::party::Party;
use crate::small_server::HangUp;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use std::time::Duration;

/// An answer, and the name under which it is counted.
type Outcome = (Response<Body>, &'static str);

/// Answers a request to an endpoint. The path of the request gave the fields `of_path`.
pub(super) async fn exchange(
    handle: &EmulatorHandle,
    party: Party,
    endpoint: &Endpoint,
    incoming: &Incoming,
    of_path: Fields,
) -> Response<Body> {
    let fields = incoming.fields(endpoint, of_path);
    let jwt = fields.as_ref().map(|fields| proof(endpoint, incoming, fields)).unwrap_or_default();
    let number = handle.parties().arrive(ExchangeRecord {
        number: 0,
        party,
        path: incoming.path.clone(),
        at: handle.now().rfc3339(),
        jti: assertion::claimed_jti(jwt),
        fresh: None,
        outcome: None,
    });
    let (response, outcome) = match disturbed(handle, party, endpoint, incoming).await {
        Some(outcome) => outcome,
        None => match &fields {
            Ok(fields) => attempt(handle, party, endpoint, incoming, fields).await,
            Err(error) => refused(handle, endpoint, error),
        },
    };
    handle.parties().finish(number, party, outcome);
    response
}

/// The text that is exchanged; empty if it is not there.
fn proof<'a>(endpoint: &Endpoint, incoming: &'a Incoming, fields: &'a Fields) -> &'a str {
    match endpoint.proof {
        Proof::Field(name) => check::text(fields, name),
        Proof::Bearer | Proof::FirstHop { .. } => incoming.bearer(),
    }
}

async fn attempt(
    handle: &EmulatorHandle,
    party: Party,
    endpoint: &Endpoint,
    incoming: &Incoming,
    fields: &Fields,
) -> Outcome {
    let verified = async {
        incoming.check_headers(endpoint)?;
        check::check(endpoint, fields)?;
        let shown = shown(handle, party, endpoint, proof(endpoint, incoming, fields)).await?;
        refuse_before_propagation(handle, party)?;
        Ok(shown)
    };
    let issued = match verified.await {
        Ok(shown) => result::issue(handle, party, endpoint, fields, shown).await,
        Err(error) => Err(error),
    };
    match issued {
        Ok(response) => (response, OK),
        Err(error) => refused(handle, endpoint, &error),
    }
}

/// Verifies what is exchanged.
async fn shown(
    handle: &EmulatorHandle,
    party: Party,
    endpoint: &Endpoint,
    proof: &str,
) -> Result<Verified, PartyError> {
    match endpoint.proof {
        Proof::Bearer | Proof::FirstHop { .. } if proof.is_empty() => {
            Err(PartyError::new(Kind::Header, "authorization must have a bearer"))
        }
        Proof::Field(_) | Proof::Bearer => {
            let verified = assertion::verify(handle, &endpoint.trust, proof).await?;
            if endpoint.trust.single_use && !handle.parties().spend(party, &verified.jti) {
                return Err(PartyError::new(Kind::Spent, "the JWT was used before"));
            }
            Ok(verified)
        }
        Proof::FirstHop { scopes } => {
            let issued = handle.parties().find(proof, party, handle.now()).filter(|issued| issued.hop == 1);
            let issued = issued.ok_or_else(|| {
                PartyError::new(Kind::FirstHop, "the bearer is no valid token of the exchange before")
            })?;
            if !issued.scope.split(' ').any(|scope| scopes.contains(&scope)) {
                return Err(PartyError::new(Kind::Scope, "the bearer has not the scope for this"));
            }
            let remaining = issued.expiry.unix() - handle.now().unix();
            Ok(Verified { subject: issued.subject, jti: String::new(), remaining })
        }
    }
}

/// Counts down the requests that are refused because the trust is not yet known everywhere.
fn refuse_before_propagation(handle: &EmulatorHandle, party: Party) -> Result<(), PartyError> {
    let mut refuses = false;
    handle.update_faults(|faults| {
        if let Some(faults) = faults.parties.get_mut(&party) {
            refuses = faults.not_propagated > 0;
            faults.not_propagated = faults.not_propagated.saturating_sub(1);
        }
    });
    if refuses { Err(PartyError::new(Kind::NotPropagated, "no trust matches the JWT")) } else { Ok(()) }
}

fn refused(handle: &EmulatorHandle, endpoint: &Endpoint, error: &PartyError) -> Outcome {
    (endpoint.errors.answer(error, handle.now()), error.kind.name())
}

/// Applies the faults: waits as they require, and returns the answer that replaces the normal one, if any.
async fn disturbed(
    handle: &EmulatorHandle,
    party: Party,
    endpoint: &Endpoint,
    incoming: &Incoming,
) -> Option<Outcome> {
    let latency = Duration::from_millis(u64::from(handle.faults().of(party).latency_ms));
    if !latency.is_zero() {
        handle.unless_closing(tokio::time::sleep(latency)).await;
    }
    handle.unless_closing(handle.until_faults(|faults| !faults.of(party).hang)).await;

    let faults = handle.faults().of(party);
    if faults.close {
        let mut response = Response::default();
        response.extensions_mut().insert(HangUp);
        return Some((response, "closed"));
    }
    if let Some(outage) = faults.outage {
        return Some(down(outage));
    }
    if let Some(seconds) = faults.retry_after_seconds {
        let error = PartyError::new(Kind::RateLimited, "too many requests");
        let (mut response, outcome) = refused(handle, endpoint, &error);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        return Some((response, outcome));
    }
    if faults.redirect {
        let mut response = page(StatusCode::TEMPORARY_REDIRECT, "moved");
        let location = format!("{}/redirected", incoming.base);
        response.headers_mut().extend(HeaderValue::try_from(location).map(|location| (LOCATION, location)));
        return Some((response, "redirect"));
    }
    if faults.rubbish {
        return Some((page(StatusCode::OK, "please sign in"), "rubbish"));
    }
    faults.opaque_401.then(|| refused(handle, endpoint, &PartyError::new(Kind::Opaque, "unauthorized")))
}

fn down(outage: Outage) -> Outcome {
    let status = StatusCode::from_u16(outage.into()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (page(status, "no answer from upstream"), "outage")
}

fn page(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("<html><body>{text}</body></html>")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}
