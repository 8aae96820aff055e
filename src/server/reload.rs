//! Reloads callers' TLS when its files change.

use super::tls::{Contents, TlsError, TlsTermination};
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

/// Callers' TLS. The next handshake uses the last valid contents of the files; open connections are not affected.
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
        let (fingerprint, termination) = (contents.fingerprint(), contents.termination()?);
        warn_unless_valid(&files, &termination.chain);
        let current = RwLock::new(Current { config: Arc::new(termination.config), fingerprint });
        Ok(Self { files, current })
    }

    /// The acceptor for the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.current.read().expect("nothing panics while holding this lock").config.clone().into()
    }

    /// Checks the files at every interval, and at every signal of `reload`, without end.
    pub async fn follow(self: Arc<Self>, every: Duration, reload: Reload) {
        reload::follow(Side::Callers, move || self.reload_if_changed(), every, reload).await;
    }

    /// Replaces the settings in use if the files have changed and are valid.
    fn reload_if_changed(&self) -> Result<Found, TlsError> {
        let contents = Contents::read(&self.files)?;
        let fingerprint = contents.fingerprint();
        if self.current.read().expect("nothing panics while holding this lock").fingerprint == fingerprint {
            return Ok(Found::Same);
        }
        let TlsTermination { config, certificate_sha256, chain } = contents.termination()?;
        warn_unless_valid(&self.files, &chain);
        let new = Current { config: Arc::new(config), fingerprint };
        *self.current.write().expect("nothing panics while holding this lock") = new;
        Ok(Found::New { certificate_sha256: Some(certificate_sha256) })
    }
}

/// Logs a certificate of the chain that is not valid now. It is used nevertheless: this machine's clock may be wrong, and renewed
/// files are loaded when they appear.
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
