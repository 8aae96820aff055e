//! How long looking may take: each step has a bound, and so have all of them together.

use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The end of the whole examination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds(Instant);

/// The longest examination but for the requests that are begun last, so that all ends within 15 s.
const LONGEST: Duration = Duration::from_secs(12);
/// What a request gets at least.
const SHORTEST: Duration = Duration::from_secs(1);

impl Bounds {
    /// From now on.
    pub(super) fn begin() -> Self {
        Self(Instant::now() + LONGEST)
    }

    /// How long a request may take that would get `limit` if there were time.
    pub(super) fn patience(&self, limit: Duration) -> Duration {
        limit.min(self.0.duration_since(Instant::now())).max(SHORTEST)
    }

    /// What a step comes to; `None` when it takes longer than `limit`, or the examination has to end.
    pub(super) async fn within<T>(&self, limit: Duration, step: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.0.min(Instant::now() + limit), step).await.ok()
    }
}
