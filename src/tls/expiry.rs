//! Says in the log when a certificate that attache shows is about to expire, or is not valid.

use super::pem::validity::{Phase, Validity};
use super::side::Side;
use crate::clock::{Clock, Rfc3339};
use crate::diagnostics::DiagnosticCode;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What the log has said of the certificates that one side is shown.
pub struct Expiry {
    shown_to: Side,
    said: Mutex<Option<(Validity, Phase)>>,
}

impl Expiry {
    /// For the certificates that this side is shown, of which nothing has been said yet.
    pub fn of(shown_to: Side) -> Self {
        Self { shown_to, said: Mutex::default() }
    }

    /// Logs a certificate of this file's chain that is about to expire or is not valid now, once for each of these. It is used
    /// nevertheless: this machine's clock may be wrong, and renewed files are loaded when they appear.
    pub fn look(&self, file: &Path, chain: &[Validity]) {
        let now = Clock::system().now();
        let phases = chain.iter().map(|validity| (*validity, validity.phase(now)));
        let worst = phases.filter(|(_, phase)| *phase != Phase::Valid).max_by_key(|(_, phase)| *phase);
        // A panic elsewhere cannot have left it half changed.
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if *said == worst {
            return;
        }
        *said = worst;
        if let Some((validity, phase)) = worst {
            self.warn(file, validity, phase);
        }
    }

    fn warn(&self, file: &Path, Validity { begins, ends }: Validity, phase: Phase) {
        let (code, hint) = match phase {
            Phase::Valid => return,
            Phase::Expiring => (
                DiagnosticCode::CertificateExpiring,
                "have it renewed before it expires; attache notices new files by itself",
            ),
            Phase::Invalid => (
                DiagnosticCode::CertificateExpired,
                "have it renewed, and see that this machine's clock is right",
            ),
        };
        tracing::warn!(
            code = code.code(),
            see = code.see(),
            file = %file.display(),
            not_before = %Rfc3339(begins),
            not_after = %Rfc3339(ends),
            hint,
            "{}",
            message(self.shown_to, phase)
        );
    }
}

fn message(shown_to: Side, phase: Phase) -> &'static str {
    match (shown_to, phase) {
        (Side::Callers, Phase::Valid | Phase::Expiring) => {
            "the certificate that callers are shown expires soon"
        }
        (Side::Callers, Phase::Invalid) => "the certificate that callers are shown is not valid now",
        (Side::Upstreams, Phase::Valid | Phase::Expiring) => {
            "the certificate that upstreams are shown expires soon"
        }
        (Side::Upstreams, Phase::Invalid) => "the certificate that upstreams are shown is not valid now",
    }
}
