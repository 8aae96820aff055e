//! The time limit of an examination: one deadline for all of it, and a limit for each step.

use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The end of the whole examination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

/// The time limit of all steps. Requests that start last may exceed it by [`MIN_REQUEST_TIMEOUT`], so that everything ends within
/// 15 s.
const MAX_DURATION: Duration = Duration::from_secs(12);
/// The shortest timeout of a request.
const MIN_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

impl Deadline {
    /// Starts the time of the examination.
    pub(super) fn begin() -> Self {
        Self(Instant::now() + MAX_DURATION)
    }

    /// The timeout of a request: `limit`, or less where the deadline is nearer.
    pub(super) fn timeout(&self, limit: Duration) -> Duration {
        limit.min(self.0.duration_since(Instant::now())).max(MIN_REQUEST_TIMEOUT)
    }

    /// The result of a step; `None` when it takes longer than `limit`, or the deadline passes.
    pub(super) async fn within<T>(&self, limit: Duration, step: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.0.min(Instant::now() + limit), step).await.ok()
    }
}
