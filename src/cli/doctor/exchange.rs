//! Exchanges a token, where the credential of a route is what a party gives for it.

use super::deadline::Deadline;
use super::finding::{Check, Finding};
use super::subject::Subject;
use crate::cli::format::span;
use crate::credential::error::CredentialError;
use crate::credential::{CredentialSource, Fetched};
use std::time::Duration;

/// The time limit for an exchange.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(4);

/// What requests of the route carry: this token, or what a party gives for another one, with a finding about that.
pub(super) async fn check(
    subject: &Subject<'_>,
    source: &dyn CredentialSource,
    minted: Option<&Fetched>,
    deadline: Deadline,
) -> (Option<Finding>, Option<Fetched>) {
    let check = Check::Exchange;
    let exchange = subject.spec.as_ref().and_then(|spec| Some((spec, spec.exchange()?)));
    let Some((spec, named)) = exchange else { return (None, minted.cloned()) };
    if minted.is_none() {
        return (Some(Finding::skipped(check, "needs a token")), None);
    }
    let exchanged = deadline.within(EXCHANGE_TIMEOUT, source.fetch(spec)).await;
    match exchanged.unwrap_or(Err(CredentialError::TimedOut(EXCHANGE_TIMEOUT))) {
        Ok(exchanged) => {
            let life = span(exchanged.credential.life());
            let seen =
                format!("{} gives a credential for the token, which lives {life}", named.exchange.party);
            (Some(Finding::ok(check, seen)), Some(exchanged))
        }
        Err(error) => {
            (Some(Finding::failed(check, error.diagnostic(), error.to_string(), error.hint())), None)
        }
    }
}
