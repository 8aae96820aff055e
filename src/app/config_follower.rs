//! Follows the configuration file: looks at its content every 5 s and at SIGHUP, and takes another one into use whole or
//! not at all.

use super::live::Live;
use crate::clock::Clock;
use crate::config::ConfigFilePath;
use crate::config::file::ConfigFile;
use crate::config::generation::{Generation, Rejected, sha256};
use crate::config::listener::ListenAddr;
use crate::diagnostics::DiagnosticCode;
use crate::input_file;
use crate::tls::reload::Reload;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How long another content may go unnoticed. Contents are compared, since Kubernetes changes where symbolic links lead and others
/// write with the old time.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long another content must stay before it is taken into use without SIGHUP, so that a file that is written in place is not
/// taken at its half.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// Follows the configuration file.
pub(super) struct ConfigFollower {
    pub(super) file: ConfigFilePath,
    /// The address that no listener of the file may have.
    pub(super) metrics: Option<ListenAddr>,
    pub(super) live: Live,
    pub(super) clock: Clock,
}

/// A look at the file.
struct Look {
    /// `None`: it cannot be read.
    sha256: Option<String>,
    found: Result<ConfigFile, Problems>,
}

/// Why a content is not taken into use.
struct Problems {
    count: usize,
    first: String,
}

impl ConfigFollower {
    /// Follows the file without end.
    pub(super) async fn follow(self: Arc<Self>, reload: Reload) {
        let mut requests = reload.requests();
        loop {
            let asked = tokio::select! {
                () = sleep(INTERVAL) => false,
                // The sender is held here, so this is never its end.
                _ = requests.changed() => true,
            };
            self.look_again(asked).await;
        }
    }

    async fn look_again(&self, asked: bool) {
        let Some(mut look) = self.look().await else { return };
        if self.is_current(&look) {
            return self.tell_current(asked);
        }
        if !asked && !self.is_rejected(&look) {
            sleep(SETTLED_AFTER).await;
            let Some(again) = self.look().await else { return };
            // What still changes is looked at the next time.
            if again.sha256 != look.sha256 {
                return;
            }
            look = again;
        }
        match look.found {
            Ok(file) => self.apply(&file, look.sha256, asked).await,
            Err(problems) => self.reject(look.sha256, problems, asked),
        }
    }

    /// Looks at the file, on a thread that a hanging volume may hold.
    async fn look(&self) -> Option<Look> {
        let (path, metrics) = (self.file.path.clone(), self.metrics.clone());
        let looking = spawn_blocking(move || match input_file::read(&path) {
            Ok(content) => {
                let found = ConfigFile::parse(&path.display().to_string(), &content, metrics.as_ref());
                Look { sha256: Some(sha256(&content)), found: found.map_err(Problems::of_report) }
            }
            Err(error) => {
                Look { sha256: None, found: Err(Problems::one(format!("it cannot be read: {error}"))) }
            }
        });
        // A panic has left its line, and the next look may go well.
        looking.await.ok()
    }

    fn is_current(&self, look: &Look) -> bool {
        let current = self.generation().known().current;
        current.is_some_and(|current| Some(&current.sha256) == look.sha256.as_ref())
    }

    fn is_rejected(&self, look: &Look) -> bool {
        self.generation().known().last_rejected.is_some_and(|rejected| rejected.sha256 == look.sha256)
    }

    fn generation(&self) -> &Generation {
        &self.file.generation
    }

    fn tell_current(&self, asked: bool) {
        let path = self.file.path.display();
        if self.generation().known().last_rejected.is_some() {
            self.generation().is_back();
            tracing::info!(%path, "the configuration file has again the content in use");
        } else if asked {
            tracing::info!(%path, "the configuration file has not changed");
        }
    }

    async fn apply(&self, file: &ConfigFile, sha256: Option<String>, asked: bool) {
        let (routes, listeners) = (file.routes(&self.file.parent_proxies), file.listeners());
        let [listener_count, route_count, credential_count] = file.counts();
        match self.live.apply(routes, listeners).await {
            Ok(()) => {
                self.generation().load(sha256.unwrap_or_default(), self.clock.now());
                let number = self.generation().known().current.map(|current| current.number);
                tracing::info!(
                    path = %self.file.path.display(),
                    generation = number,
                    listeners = listener_count,
                    routes = route_count,
                    credentials = credential_count,
                    "a new content of the configuration file is in use"
                );
            }
            Err(error) => self.reject(sha256, Problems::one(error.to_string()), asked),
        }
    }

    /// Logs the problems, unless they are known and nobody has asked.
    fn reject(&self, sha256: Option<String>, problems: Problems, asked: bool) {
        let known = self.generation().known().last_rejected;
        let is_new = known.is_none_or(|known| known.sha256 != sha256 || known.first != problems.first);
        if asked || is_new {
            tracing::error!(
                code = DiagnosticCode::ConfigFileRejected.code(),
                see = DiagnosticCode::ConfigFileRejected.see(),
                path = %self.file.path.display(),
                problems = problems.count,
                error = problems.first,
                "the configuration file cannot be used, so the content before stays in use"
            );
        }
        let Problems { count, first } = problems;
        self.generation().reject(Rejected { sha256, at: self.clock.now(), problems: count, first });
    }
}

impl Problems {
    fn of_report(report: crate::config::file::report::Report) -> Self {
        let first = report.findings().iter().find(|finding| !finding.rule.is_warning());
        Self { count: report.errors(), first: first.map(ToString::to_string).unwrap_or_default() }
    }

    fn one(first: String) -> Self {
        Self { count: 1, first }
    }
}
