//! Callers' TLS, and its files when they change.

use super::tls::{Contents, Ending, TlsError};
use crate::config::TlsFiles;
use crate::pem::Fingerprint;
use crate::reload::{self, Found, Reload, Side};
use rustls::ServerConfig;
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
        let Ending { config, certificate_sha256, .. } = contents.ending()?;
        let new = Current { config: Arc::new(config), fingerprint };
        *self.current.write().expect("nothing panics while holding this lock") = new;
        Ok(Found::New { certificate_sha256: Some(certificate_sha256) })
    }
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
