//! The only source of wall time, so that a simulation can set it.

use serde::{Serialize, Serializer};
use std::fmt;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
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

/// A moment in UTC with microseconds (RFC 3339).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rfc3339(pub SystemTime);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = OffsetDateTime::from(self.0);
        let (year, month, day) = utc.to_calendar_date();
        let (hour, minute, second, micro) = utc.to_hms_micro();
        let month = u8::from(month);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z")
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
