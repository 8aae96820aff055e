//! Reloads callers' TLS when its files change.

use super::tls::{Contents, TlsError, TlsTermination};
use crate::config::TlsFiles;
use crate::expiry::Expiry;
use crate::pem::Fingerprint;
use crate::pem::validity::Validity;
use crate::reload::{self, Found, Reload, Side};
use rustls::ServerConfig;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// Callers' TLS. The next handshake uses the last valid contents of the files; open connections are not affected.
pub struct InboundTls {
    files: TlsFiles,
    current: RwLock<Current>,
    expiry: Expiry,
}

struct Current {
    config: Arc<ServerConfig>,
    fingerprint: Fingerprint,
    chain: Vec<Validity>,
}

impl Current {
    fn new(TlsTermination { config, chain, .. }: TlsTermination, fingerprint: Fingerprint) -> Self {
        Self { config: Arc::new(config), fingerprint, chain: Validity::of_chain(&chain) }
    }
}

impl InboundTls {
    /// Reads the files.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let contents = Contents::read(&files)?;
        let (fingerprint, termination) = (contents.fingerprint(), contents.termination()?);
        let current = RwLock::new(Current::new(termination, fingerprint));
        let this = Self { files, current, expiry: Expiry::of(Side::Callers) };
        this.look_at_validity();
        Ok(this)
    }

    /// The acceptor for the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.current.read().expect("nothing panics while holding this lock").config.clone().into()
    }

    /// Checks the files at every interval, and at every signal of `reload`, without end.
    pub async fn follow(self: Arc<Self>, every: Duration, reload: Reload) {
        reload::follow(Side::Callers, move || self.look(), every, reload).await;
    }

    /// Looks at the files, and at the validity of what is in use after that.
    fn look(&self) -> Result<Found, TlsError> {
        let found = self.reload_if_changed();
        self.look_at_validity();
        found
    }

    fn look_at_validity(&self) {
        let current = self.current.read().expect("nothing panics while holding this lock");
        self.expiry.look(&self.files.cert, &current.chain);
    }

    /// Replaces the settings in use if the files have changed and are valid.
    fn reload_if_changed(&self) -> Result<Found, TlsError> {
        let contents = Contents::read(&self.files)?;
        let fingerprint = contents.fingerprint();
        if self.current.read().expect("nothing panics while holding this lock").fingerprint == fingerprint {
            return Ok(Found::Same);
        }
        let termination = contents.termination()?;
        let certificate_sha256 = termination.certificate_sha256.clone();
        let new = Current::new(termination, fingerprint);
        *self.current.write().expect("nothing panics while holding this lock") = new;
        Ok(Found::New { certificate_sha256: Some(certificate_sha256) })
    }
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
