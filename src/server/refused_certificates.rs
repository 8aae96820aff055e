//! Logs TLS handshakes with callers that fail because one side refuses the other's certificate. Each kind is logged once in an
//! interval and otherwise counted, because a caller with an expired certificate tries again and again. Other failures, such as
//! those of port scanners, need no action by the operator.

use crate::diagnostics::DiagnosticCode;
use rustls::{AlertDescription, Error};
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The interval in which each kind of refusal is logged at most once.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The refusals of both kinds.
#[derive(Default)]
pub struct RefusedCertificates {
    of_callers: Mutex<Refusals>,
    of_attache: Mutex<Refusals>,
}

#[derive(Default)]
struct Refusals {
    logged: Option<Instant>,
    since: u64,
}

impl Refusals {
    /// Counts a refusal. If this one must be logged, returns the number of refusals since the last one that was logged.
    fn count(&mut self, now: Instant) -> Option<u64> {
        if self.logged.is_some_and(|logged| now.duration_since(logged) < LOG_INTERVAL) {
            self.since += 1;
            return None;
        }
        self.logged = Some(now);
        Some(std::mem::take(&mut self.since))
    }
}

impl RefusedCertificates {
    /// Logs the failure of a handshake with this caller, if a certificate is the cause.
    pub(super) fn note(&self, error: &io::Error, caller: Option<IpAddr>) {
        let Some(error) = error.get_ref().and_then(|error| error.downcast_ref::<Error>()) else { return };
        let (refusals, diagnostic, message, hint) = if is_of_caller(error) {
            (
                &self.of_callers,
                DiagnosticCode::CallerCertificateRefused,
                "a caller's certificate is refused",
                "renew the caller's certificate, or add the authority that issued it to --tls-client-ca",
            )
        } else if is_of_attache(error) {
            (
                &self.of_attache,
                DiagnosticCode::CertificateRefusedByCaller,
                "a caller refuses the certificate that it is shown",
                "see that --tls-cert is valid, names the host that callers use, and comes from an authority that they trust",
            )
        } else {
            return;
        };
        let count = refusals.lock().unwrap_or_else(PoisonError::into_inner).count(Instant::now());
        if let Some(unlogged) = count {
            let (code, see) = (diagnostic.code(), diagnostic.see());
            let caller = caller.map(tracing::field::display);
            tracing::warn!(code, see, caller, %error, hint, unlogged, "{message}");
        }
    }
}

fn is_of_caller(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(_) | Error::NoCertificatesPresented)
}

/// Whether the caller's alert means that it refuses attache's certificate (RFC 8446, section 6.2).
fn is_of_attache(error: &Error) -> bool {
    use AlertDescription as Alert;
    let Error::AlertReceived(alert) = error else { return false };
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            // The issuer has the name of an authority that the caller trusts, and another key.
            | Alert::DecryptError
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_logged_once_a_minute_with_the_number_of_the_others() {
        let mut refusals = Refusals::default();
        let start = Instant::now();
        assert_eq!(refusals.count(start), Some(0));
        assert_eq!(refusals.count(start + LOG_INTERVAL / 2), None);
        assert_eq!(refusals.count(start + LOG_INTERVAL / 2), None);
        assert_eq!(refusals.count(start + LOG_INTERVAL), Some(2));
    }
}
