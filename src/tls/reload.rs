//! Asks for a look at the TLS files, as SIGHUP does.

use std::sync::Arc;
use tokio::sync::watch;

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
    pub fn requests(&self) -> watch::Receiver<bool> {
        let mut requests = self.0.subscribe();
        if *requests.borrow() {
            requests.mark_changed();
        }
        requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
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
