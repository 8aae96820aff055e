//! The metrics as text, made once for all requests of the same time.

use crate::telemetry::metrics::{Metrics, MetricsError};
use bytes::Bytes;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

/// While a scrape is still being read, another one within this time gets the same text.
const SHARED_FOR: Duration = Duration::from_secs(5);

/// What scrapes are answered with.
pub(super) struct Expositions {
    metrics: Metrics,
    /// One is made at a time.
    turn: Semaphore,
    latest: Mutex<Option<(Instant, Weak<String>)>>,
}

/// Why there is no exposition.
pub(super) enum ExpositionError {
    /// Metrics are off.
    Disabled,
    Metrics(MetricsError),
    /// It was not made to its end.
    Broken,
}

/// A text that lives as long as a response holds it.
struct Shared(Arc<String>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Expositions {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { metrics, turn: Semaphore::new(1), latest: Mutex::default() }
    }

    /// The text. Thousands of series take tens of milliseconds, which no request should wait for, so it is made on another
    /// thread.
    pub(super) async fn text(&self) -> Result<Bytes, ExpositionError> {
        // It is never closed, so there is always a turn.
        let _turn = self.turn.acquire().await;
        if let Some(text) = self.held() {
            return Ok(Bytes::from_owner(Shared(text)));
        }
        let (metrics, begun) = (self.metrics.clone(), Instant::now());
        let made = spawn_blocking(move || metrics.exposition()).await.map_err(|_| ExpositionError::Broken)?;
        let text = Arc::new(made.ok_or(ExpositionError::Disabled)?.map_err(ExpositionError::Metrics)?);
        *self.latest() = Some((begun, Arc::downgrade(&text)));
        Ok(Bytes::from_owner(Shared(text)))
    }

    fn held(&self) -> Option<Arc<String>> {
        let latest = self.latest();
        let (begun, text) = latest.as_ref()?;
        if begun.elapsed() < SHARED_FOR { text.upgrade() } else { None }
    }

    fn latest(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Weak<String>)>> {
        self.latest.lock().expect("nothing panics while holding this lock")
    }
}
