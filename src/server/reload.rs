//! Keeps callers' TLS up to date with its files: certificates are renewed under a running proxy, and a file that is
//! broken for a moment must not cost a connection.

use super::tls::{Contents, Ending, Fingerprint, TlsError};
use crate::config::TlsFiles;
use crate::trouble::Trouble;
use rustls::ServerConfig;
use std::error::Error;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

/// How long new files may go unnoticed. Contents are compared, since Kubernetes changes where symbolic links lead and
/// others write with the old time.
pub const EVERY: Duration = Duration::from_secs(10);

/// Callers' TLS. What it was last good with serves the next handshake; connections keep what they began with.
pub struct InboundTls {
    files: TlsFiles,
    current: RwLock<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    fingerprint: Fingerprint,
}

/// Has the files looked at now. Cloning is cheap and gives the same.
#[derive(Clone, Default)]
pub struct Reload(Arc<Notify>);

impl Reload {
    /// Asks for a look. The log says what came of it.
    pub fn now(&self) {
        self.0.notify_one();
    }
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
        let mut trouble = None;
        loop {
            let asked = tokio::select! {
                () = sleep(every) => false,
                () = reload.0.notified() => true,
            };
            let tls = self.clone();
            // A volume that hangs must hold up nobody.
            let Ok(found) = spawn_blocking(move || tls.look()).await else {
                continue;
            };
            trouble = report(found, trouble, asked);
        }
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
        Ok(Found::New { certificate_sha256 })
    }
}

enum Found {
    Same,
    New { certificate_sha256: String },
}

/// One line for each change, and for whoever asked. Returns what is wrong now.
fn report(found: Result<Found, TlsError>, trouble: Option<String>, asked: bool) -> Option<String> {
    match found {
        Ok(Found::New { certificate_sha256 }) => {
            tracing::info!(certificate_sha256, "new TLS files are in use");
            None
        }
        Ok(Found::Same) => {
            if trouble.is_some() {
                tracing::info!("the TLS files in use are back");
            } else if asked {
                tracing::info!("the TLS files have not changed");
            }
            None
        }
        Err(error) => {
            let now = error.to_string();
            if asked || trouble.as_ref() != Some(&now) {
                tracing::error!(
                    code = Trouble::TlsFilesUnusable.code(),
                    see = Trouble::TlsFilesUnusable.see(),
                    error = &error as &dyn Error,
                    "new TLS files cannot be used, so the ones before stay in use"
                );
            }
            Some(now)
        }
    }
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
