//! Keeps TLS up to date with its files: certificates are renewed under a running proxy, and a file that is broken for a
//! moment must not cost a connection.

use crate::diagnostics::DiagnosticCode;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How long new files may go unnoticed. Contents are compared, since Kubernetes changes where symbolic links lead and
/// others write with the old time.
pub const EVERY: Duration = Duration::from_secs(10);

/// Has the files looked at now. Cloning is cheap and gives the same. The value is whether that was ever asked for.
#[derive(Clone, Default)]
pub struct Reload(Arc<watch::Sender<bool>>);

impl Reload {
    /// Asks for a look. The log says what came of it.
    pub fn now(&self) {
        self.0.send_replace(true);
    }

    /// Resolves at the next request for a look. A request from before this call counts, since a process may be told at
    /// its start, before the task that looks has run.
    fn requests(&self) -> watch::Receiver<bool> {
        let mut requests = self.0.subscribe();
        if *requests.borrow() {
            requests.mark_changed();
        }
        requests
    }
}

/// With whom TLS is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Those who connect to attache.
    Callers,
    /// Those whom attache connects to.
    Upstreams,
}

impl Side {
    fn as_str(self) -> &'static str {
        match self {
            Self::Callers => "callers",
            Self::Upstreams => "upstreams",
        }
    }

    fn diagnostic(self) -> DiagnosticCode {
        match self {
            Self::Callers => DiagnosticCode::TlsFilesUnusable,
            Self::Upstreams => DiagnosticCode::UpstreamTlsFilesUnusable,
        }
    }
}

/// What a look at the files found.
pub enum Found {
    /// What is in use.
    Same,
    /// Something else, which is in use from now on.
    New {
        /// The certificate that is shown, where there is one.
        certificate_sha256: Option<String>,
    },
}

/// Has the files looked at every so often, and when asked to, for ever.
pub async fn follow<E: Error + Send + 'static>(
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
        // A volume that hangs must hold up nobody.
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

/// One line for each change, and for whoever asked. Returns what is wrong now.
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
mod tests {
    use super::*;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_request_from_before_the_task_runs_is_not_lost() {
        let reload = Reload::default();
        reload.now();
        let mut requests = reload.requests();
        timeout(Duration::from_secs(5), requests.changed()).await.unwrap().unwrap();
        assert!(!requests.has_changed().unwrap());
    }

    #[tokio::test]
    async fn without_a_request_there_is_none() {
        assert!(!Reload::default().requests().has_changed().unwrap());
    }
}
