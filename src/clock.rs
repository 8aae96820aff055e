//! The only source of wall time, so that a simulation can set it, and of moments, by which expiries are judged.

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

    /// This moment.
    pub fn timestamp(&self) -> Timestamp {
        Timestamp { wall: self.now(), tick: Instant::now() }
    }

    /// How long until `then`; zero when it has passed.
    pub fn until(&self, then: SystemTime) -> Duration {
        then.duration_since(self.now()).unwrap_or(Duration::ZERO)
    }
}

/// One moment by two clocks. The wall's can be set, and the timer's stands still while the machine is suspended: what ends
/// is over as soon as either says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// By the wall's clock.
    pub wall: SystemTime,
    /// By the timer's.
    pub tick: Instant,
}

impl Timestamp {
    /// A later one, where both clocks go on alike.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self { wall: self.wall + time, tick: self.tick + time }
    }

    /// The later of both, by each clock.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { wall: self.wall.max(other.wall), tick: self.tick.max(other.tick) }
    }

    /// Whether either clock has reached the other moment.
    pub fn has_reached(self, then: Self) -> bool {
        self.wall >= then.wall || self.tick >= then.tick
    }

    /// How long until then by the clock that is first there; zero when that has passed.
    pub fn until(self, then: Self) -> Duration {
        let by_wall = then.wall.duration_since(self.wall).unwrap_or_default();
        by_wall.min(then.tick.saturating_duration_since(self.tick))
    }

    /// Seconds by which the wall's clock was set forward since then, or the machine suspended; negative where it was set
    /// back.
    pub fn jump_since(self, then: Self) -> f64 {
        let by_wall = match self.wall.duration_since(then.wall) {
            Ok(forward) => forward.as_secs_f64(),
            Err(back) => -back.duration().as_secs_f64(),
        };
        by_wall - self.tick.saturating_duration_since(then.tick).as_secs_f64()
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
