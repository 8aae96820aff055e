//! The only source of wall time, so that a simulation can set it.

use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Tells the wall time by which expiries are judged. Waiting goes through tokio's timers instead.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    System,
    Timer { start: SystemTime, origin: Instant },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that reads `start` now and then goes as tokio's timer goes, which a paused runtime sets at will.
    pub fn by_timer(start: SystemTime) -> Self {
        Self(Kind::Timer { start, origin: Instant::now() })
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    pub fn now(&self) -> SystemTime {
        match self.0 {
            Kind::System => SystemTime::now(),
            Kind::Timer { start, origin } => start + origin.elapsed(),
        }
    }

    /// How long until `then`; zero when it has passed.
    pub fn until(&self, then: SystemTime) -> Duration {
        then.duration_since(self.now()).unwrap_or(Duration::ZERO)
    }
}
