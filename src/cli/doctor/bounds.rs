//! How long looking may take: each step has a bound, and so have all of them together.

use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The end of the whole examination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds(Instant);

/// The longest examination, so that it ends within 15 s with what printing takes.
const LONGEST: Duration = Duration::from_secs(13);

impl Bounds {
    /// From now on.
    pub(super) fn begin() -> Self {
        Self(Instant::now() + LONGEST)
    }

    /// What a step comes to; `None` when it takes longer than `limit`, or the examination has to end.
    pub(super) async fn within<T>(&self, limit: Duration, step: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.0.min(Instant::now() + limit), step).await.ok()
    }
}
