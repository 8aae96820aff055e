//! The end of a run: stops accepting connections, and gives the requests in flight time to end.

use super::live::Live;
use crate::config::ShutdownConfig;
use crate::diagnostics::DiagnosticCode;
use crate::tasks::Tasks;
use tokio::time::{sleep, timeout};

/// Waits for `--shutdown-delay`, closes the listeners, and waits until `connections` have finished, for
/// `--shutdown-timeout` at most.
pub(super) async fn connections(config: &ShutdownConfig, live: &Live, connections: &Tasks) {
    tracing::info!(delay_s = config.delay.as_secs_f64(), "shutting down");
    sleep(config.delay).await;
    live.close().await;
    tracing::info!(connections = connections.running(), "draining");
    if timeout(config.timeout, connections.finished()).await.is_err() {
        tracing::warn!(
            code = DiagnosticCode::ShutdownCutOff.code(),
            see = DiagnosticCode::ShutdownCutOff.see(),
            connections = connections.running(),
            "cut off by --shutdown-timeout"
        );
    }
}
