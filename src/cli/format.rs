//! Formats durations for people.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Formats a duration in the largest unit of which it has two, so that rounding costs less than half: `90 days`, `36
/// hours`, `59 minutes`, `100s`.
pub(super) fn span(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds >= 2 * DAY => format!("{} days", seconds / DAY),
        seconds if seconds >= 2 * HOUR => format!("{} hours", seconds / HOUR),
        seconds if seconds >= 2 * MINUTE => format!("{} minutes", seconds / MINUTE),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_the_unit_that_fits() {
        for (seconds, told) in
            [(0, "0s"), (119, "119s"), (3599, "59 minutes"), (7200, "2 hours"), (31_536_000, "365 days")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), told);
        }
    }
}
