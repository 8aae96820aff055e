//! Time in whole seconds, as STS counts it.

use std::time::{SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;

/// Seconds since 1970, by the emulator's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct UnixSeconds(i64);

impl UnixSeconds {
    /// The second that contains `time`.
    pub(super) fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    /// Adds seconds, or subtracts them when `seconds` is negative.
    pub(super) fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The number of seconds since 1970.
    pub(super) fn unix(self) -> i64 {
        self.0
    }

    /// Formats the time as in RFC 3339, for example `2026-01-01T00:05:00Z`.
    pub(super) fn rfc3339(self) -> String {
        let at = self.calendar();
        let (hour, minute, second) = at.to_hms();
        let (year, month, day) = at.to_calendar_date();
        format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
    }

    /// Formats the time as in RFC 9110, section 5.6.7, for example `Thu, 01 Jan 2026 00:05:00 GMT`.
    pub(super) fn http_date(self) -> String {
        let at = self.calendar();
        let (hour, minute, second) = at.to_hms();
        let (year, month, day) = at.to_calendar_date();
        let (weekday, month) = (at.weekday().to_string(), month.to_string());
        format!("{weekday:.3}, {day:02} {month:.3} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }

    /// The calendar date and time; 1970 for years beyond 9999, which no clock reaches.
    fn calendar(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_written_as_clients_read_it() {
        let seconds = UnixSeconds(1_767_225_900);
        assert_eq!(seconds.rfc3339(), "2026-01-01T00:05:00Z");
        assert_eq!(seconds.http_date(), "Thu, 01 Jan 2026 00:05:00 GMT");
        assert_eq!(seconds.plus(-301).rfc3339(), "2025-12-31T23:59:59Z");
    }
}
