//! The value of a `Date` field (RFC 9110, section 5.6.7), formatted once a second.

use std::time::{SystemTime, UNIX_EPOCH};

/// The date that was formatted last.
#[derive(Debug, Default)]
pub(super) struct Date {
    /// Seconds since 1970.
    second: u64,
    text: String,
}

impl Date {
    /// The date at `now`.
    pub(super) fn at(&mut self, now: SystemTime) -> &[u8] {
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if self.text.is_empty() || self.second != second {
            (self.second, self.text) = (second, httpdate::fmt_http_date(now));
        }
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_date_is_that_of_its_second() {
        let mut date = Date::default();
        let example = UNIX_EPOCH + Duration::from_millis(784_111_777_900);
        for (after, expected) in [
            (0, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (99, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (100, "Sun, 06 Nov 1994 08:49:38 GMT"),
        ] {
            assert_eq!(date.at(example + Duration::from_millis(after)), expected.as_bytes());
        }
        assert_eq!(date.at(UNIX_EPOCH), b"Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
