//! Callers' TLS, and its files when they change.

use super::tls::{Contents, Ending, TlsError};
use super::validity::Validity;
use crate::clock::{Clock, Rfc3339};
use crate::config::TlsFiles;
use crate::diagnostics::DiagnosticCode;
use crate::pem::Fingerprint;
use crate::reload::{self, Found, Reload, Side};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// Callers' TLS. What it was last good with serves the next handshake; connections keep what they began with.
pub struct InboundTls {
    files: TlsFiles,
    current: RwLock<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    fingerprint: Fingerprint,
}

impl InboundTls {
    /// Reads the files.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let contents = Contents::read(&files)?;
        let (fingerprint, ending) = (contents.fingerprint(), contents.ending()?);
        warn_unless_valid(&files, &ending.chain);
        let current = RwLock::new(Current { config: Arc::new(ending.config), fingerprint });
        Ok(Self { files, current })
    }

    /// Ends the TLS of the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.current.read().expect("nothing panics while holding this lock").config.clone().into()
    }

    /// Looks at the files every so often, and when asked to, for ever.
    pub async fn follow(self: Arc<Self>, every: Duration, reload: Reload) {
        reload::follow(Side::Callers, move || self.look(), every, reload).await;
    }

    /// Replaces what is in use when the files hold something else that can be used.
    fn look(&self) -> Result<Found, TlsError> {
        let contents = Contents::read(&self.files)?;
        let fingerprint = contents.fingerprint();
        if self.current.read().expect("nothing panics while holding this lock").fingerprint == fingerprint {
            return Ok(Found::Same);
        }
        let Ending { config, certificate_sha256, chain } = contents.ending()?;
        warn_unless_valid(&self.files, &chain);
        let new = Current { config: Arc::new(config), fingerprint };
        *self.current.write().expect("nothing panics while holding this lock") = new;
        Ok(Found::New { certificate_sha256: Some(certificate_sha256) })
    }
}

/// Logs a certificate of the chain that is not valid now. It is shown all the same: a clock may be wrong, and the next files
/// come by themselves.
fn warn_unless_valid(files: &TlsFiles, chain: &[CertificateDer<'_>]) {
    let now = Clock::system().now();
    let mut validities = chain.iter().filter_map(Validity::of);
    if let Some(Validity { begins, ends }) = validities.find(|validity| !validity.includes(now)) {
        tracing::warn!(
            code = DiagnosticCode::CertificateExpired.code(),
            see = DiagnosticCode::CertificateExpired.see(),
            file = %files.cert.display(),
            not_before = %Rfc3339(begins),
            not_after = %Rfc3339(ends),
            hint = "have it renewed, and see that this machine's clock is right",
            "the certificate that callers are shown is not valid now"
        );
    }
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
