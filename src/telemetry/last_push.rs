//! The last push of metrics and spans, at the end of the process.

use super::metrics::Metrics;
use super::traces::Traces;
use std::time::Duration;
use tokio::time::timeout;

/// The maximum time that the end of the process waits for the last push.
const MAX_LAST_PUSH: Duration = Duration::from_secs(3);

/// Pushes the metrics and spans that are left, and stops pushing. Gives up after a few seconds.
pub async fn finish(metrics: Metrics, traces: Traces) {
    let last = tokio::task::spawn_blocking(move || {
        traces.finish();
        metrics.finish();
    });
    // A failed delivery has already been logged.
    let _ = timeout(MAX_LAST_PUSH, last).await;
}
