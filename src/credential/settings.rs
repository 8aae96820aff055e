//! What all entries of the cache and their refreshers share.

use crate::clock::Clock;
use crate::telemetry::metrics::Metrics;
use std::num::NonZeroUsize;
use std::time::Duration;

/// What all entries and refreshers share.
pub struct Settings {
    /// Judges expiries.
    pub clock: Clock,
    /// The bound on one fetch, and on a request's wait for it.
    pub fetch_timeout: Duration,
    /// The maximum number of specs in the cache.
    pub capacity: NonZeroUsize,
    /// Counts hits, misses and fetches.
    pub metrics: Metrics,
}
