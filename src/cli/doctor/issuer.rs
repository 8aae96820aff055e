//! Checks whether a relying party can verify the token, with the documents that the issuer publishes.

use super::deadline::Deadline;
use super::finding::{Check, Finding};
use crate::cli::fetch;
use crate::cli::verifier::{IssuerError, Rejection, Verifier};
use crate::credential::Fetched;
use crate::credential::inspect::Reading;
use crate::diagnostics::DiagnosticCode;
use crate::model::audience_set::AudienceSet;
use std::time::Duration;

/// The time limit for each of the issuer's two documents.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(3);

/// Fetches the issuer's documents and verifies the token.
pub(super) async fn check(
    minted: Option<&Fetched>,
    audiences: Option<&AudienceSet>,
    deadline: Deadline,
) -> Finding {
    let check = Check::Issuer;
    let (Some(minted), Some(audience)) = (minted, audiences.and_then(|audiences| audiences.iter().next()))
    else {
        return Finding::skipped(check, "needs a token");
    };
    let jwt = minted.credential.expose();
    let reading = Reading::of(jwt);
    let Some(issuer) = reading.as_ref().and_then(Reading::issuer) else {
        let next = "see what answers in place of STS: AWS_ENDPOINT_URL_STS, --sts-endpoint-url, a proxy";
        return Finding::failed(check, DiagnosticCode::TokenUnverifiable, "the token names no issuer", next);
    };
    let client = match fetch::client() {
        Ok(client) => client,
        Err(error) => return Finding::skipped(check, error.to_string()),
    };
    let bounds = fetch::bounds(deadline.timeout(DOCUMENT_TIMEOUT));
    match Verifier::new(issuer, audience, client, bounds).verify(jwt).await {
        Ok(verified) => {
            Finding::ok(check, format!("{issuer} publishes {}, and the signature is good", verified.key))
        }
        Err(Rejection::Issuer(error @ (IssuerError::Fetch(_) | IssuerError::Status(..)))) => {
            let next = "attache does not need it, but whoever verifies the token does; upstreams reach it from elsewhere";
            Finding::warning(check, DiagnosticCode::IssuerUnreachable, format!("{issuer}: {error}"), next)
        }
        Err(rejection) => {
            let next =
                "see the machine's clock, and what answers in place of STS: AWS_ENDPOINT_URL_STS, a proxy";
            Finding::failed(check, DiagnosticCode::TokenUnverifiable, format!("{issuer}: {rejection}"), next)
        }
    }
}
