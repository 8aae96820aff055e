//! TLS settings made of files, which are replaced when the files change: certificates are renewed under a running proxy, and a
//! file that is broken for a moment must not cost a connection.

use super::expiry::Expiry;
use super::pem::validity::Validity;
use super::pem::{self, Fingerprint};
use super::reload::Reload;
use super::side::Side;
use crate::diagnostics::DiagnosticCode;
use rustls::pki_types::CertificateDer;
use std::error::Error;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How long new files may go unnoticed. Contents are compared, since Kubernetes changes where symbolic links lead and
/// others write with the old time.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// Files that make the TLS settings of one side.
pub trait TlsSource: Send + Sync + 'static {
    /// The settings.
    type Config: Send + Sync + 'static;
    /// What the files held at one moment.
    type Contents;
    /// Why the files cannot be used.
    type Error: Error + Send + 'static;
    /// With whom TLS is spoken.
    const SIDE: Side;

    /// Whether there is a file at all.
    fn has_files(&self) -> bool;

    /// The file of the certificate that is shown, where one is.
    fn certificate(&self) -> Option<&Path>;

    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read.
    fn read(&self) -> Result<Self::Contents, Self::Error>;

    /// A fingerprint that changes when the contents change.
    fn fingerprint(contents: &Self::Contents) -> Fingerprint;

    /// Makes the settings.
    ///
    /// # Errors
    /// When the contents cannot be used.
    fn make(&self, contents: &Self::Contents) -> Result<Made<Self::Config>, Self::Error>;
}

/// The settings that files make.
pub struct Made<C> {
    /// The settings for the next handshake.
    pub config: C,
    /// The certificate that is shown, and its intermediate certificates.
    pub chain: Vec<CertificateDer<'static>>,
}

/// TLS settings that follow their files. The next handshake uses the last valid contents; open connections are not affected.
pub struct Watched<S: TlsSource> {
    pub(super) source: S,
    current: RwLock<Current<S::Config>>,
    expiry: Expiry,
}

struct Current<C> {
    config: Arc<C>,
    fingerprint: Fingerprint,
    chain: Vec<Validity>,
}

/// What a look at the files found.
enum Found {
    /// What is in use.
    Same,
    /// Something else, which is in use from now on.
    New {
        /// The certificate that is shown, where there is one.
        certificate_sha256: Option<String>,
    },
}

impl<S: TlsSource> Watched<S> {
    /// Reads the files.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn new(source: S) -> Result<Self, S::Error> {
        let contents = source.read()?;
        let made = source.make(&contents)?;
        let current = RwLock::new(Current::new(made, S::fingerprint(&contents)));
        let this = Self { source, current, expiry: Expiry::of(S::SIDE) };
        this.look_at_validity();
        Ok(this)
    }

    /// The settings for the next handshake.
    pub fn config(&self) -> Arc<S::Config> {
        self.current.read().expect("nothing panics while holding this lock").config.clone()
    }

    /// The periods in which the certificates are valid that are shown.
    pub fn shown(&self) -> Vec<Validity> {
        self.current.read().expect("nothing panics while holding this lock").chain.clone()
    }

    /// Looks at the files at every interval, and at every request of `reload`, without end. Returns at once where there are no
    /// files.
    pub async fn follow(self: Arc<Self>, every: Duration, reload: Reload) {
        if self.source.has_files() {
            follow(S::SIDE, move || self.look(), every, reload).await;
        }
    }

    /// Looks at the files, and at the validity of what is in use after that.
    fn look(&self) -> Result<Found, S::Error> {
        let found = self.reload_if_changed();
        self.look_at_validity();
        found
    }

    fn look_at_validity(&self) {
        if let Some(file) = self.source.certificate() {
            self.expiry.look(file, &self.shown());
        }
    }

    /// Replaces the settings in use if the files have changed and are valid.
    fn reload_if_changed(&self) -> Result<Found, S::Error> {
        let contents = self.source.read()?;
        let fingerprint = S::fingerprint(&contents);
        if self.current.read().expect("nothing panics while holding this lock").fingerprint == fingerprint {
            return Ok(Found::Same);
        }
        let made = self.source.make(&contents)?;
        let certificate_sha256 = made.chain.first().map(|leaf| pem::sha256(leaf));
        // With the old settings goes their memory of sessions, so none is resumed that another certificate began.
        let new = Current::new(made, fingerprint);
        *self.current.write().expect("nothing panics while holding this lock") = new;
        Ok(Found::New { certificate_sha256 })
    }
}

impl<C> Current<C> {
    fn new(Made { config, chain }: Made<C>, fingerprint: Fingerprint) -> Self {
        Self { config: Arc::new(config), fingerprint, chain: Validity::of_chain(&chain) }
    }
}

/// Looks at the files at every interval, and at every request of `reload`, without end.
async fn follow<E: Error + Send + 'static>(
    side: Side,
    look: impl Fn() -> Result<Found, E> + Clone + Send + 'static,
    every: Duration,
    reload: Reload,
) {
    let mut requests = reload.requests();
    let mut trouble = None;
    loop {
        let asked = tokio::select! {
            () = sleep(every) => false,
            // The sender is held here, so this is never its end.
            _ = requests.changed() => true,
        };
        // A volume that hangs must hold up no other task.
        match spawn_blocking(look.clone()).await {
            Ok(found) => trouble = report(side, found, trouble, asked),
            // A panic has left its line, and the next look may go well.
            Err(_) => tracing::warn!(
                code = DiagnosticCode::Panicked.code(),
                see = DiagnosticCode::Panicked.see(),
                used_for = side.as_str(),
                "TLS files could not be looked at this time"
            ),
        }
    }
}

/// Logs one line for each change, and for each request. Returns what is wrong now.
fn report<E: Error + 'static>(
    side: Side,
    found: Result<Found, E>,
    trouble: Option<String>,
    asked: bool,
) -> Option<String> {
    let used_for = side.as_str();
    match found {
        Ok(Found::New { certificate_sha256 }) => {
            tracing::info!(used_for, certificate_sha256, "new TLS files are in use");
            None
        }
        Ok(Found::Same) => {
            if trouble.is_some() {
                tracing::info!(used_for, "the TLS files in use are back");
            } else if asked {
                tracing::info!(used_for, "the TLS files have not changed");
            }
            None
        }
        Err(error) => {
            let now = error.to_string();
            if asked || trouble.as_ref() != Some(&now) {
                tracing::error!(
                    code = side.diagnostic().code(),
                    see = side.diagnostic().see(),
                    used_for,
                    error = &error as &dyn Error,
                    "new TLS files cannot be used, so the ones before stay in use"
                );
            }
            Some(now)
        }
    }
}

#[cfg(test)]
#[path = "watched_tests.rs"]
mod tests;
