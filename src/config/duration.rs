//! Durations in the syntax of Go's `time.ParseDuration`, which existing deployments use.

use std::fmt;
use std::time::Duration;

const NANOSECOND: u128 = 1;
const MICROSECOND: u128 = 1_000;
const MILLISECOND: u128 = 1_000_000;
const SECOND: u128 = 1_000_000_000;
const MINUTE: u128 = 60 * SECOND;
const HOUR: u128 = 60 * MINUTE;
/// The longest duration of Go in nanoseconds, about 292 years.
const MAX_NANOSECONDS: u128 = i64::MAX as u128;

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a sequence of numbers with units.
    #[error("must be a duration such as 30s, 5m or 1h30m")]
    Malformed,
    /// A number without a unit after it.
    #[error("must have a unit after each number: ns, us, ms, s, m or h")]
    MissingUnit,
    /// A unit that Go does not support, such as days.
    #[error("must use the units ns, us, ms, s, m and h only")]
    UnknownUnit,
    /// Longer than about 292 years.
    #[error("must be shorter than 292 years")]
    TooLong,
    /// Below zero.
    #[error("must not be negative")]
    Negative,
}

/// Parses `30s`, `1h30m`, `1.5h`, `500ms` or `0`.
///
/// # Errors
/// When Go would reject it too, or when it is negative.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let nanoseconds = match unsigned {
        "" => return Err(DurationError::Malformed),
        "0" => 0,
        _ => sum_of_parts(unsigned)?,
    };
    if negative && nanoseconds > 0 {
        return Err(DurationError::Negative);
    }
    let nanoseconds = u64::try_from(nanoseconds).map_err(|_| DurationError::TooLong)?;
    Ok(Duration::from_nanos(nanoseconds))
}

fn sum_of_parts(mut text: &str) -> Result<u128, DurationError> {
    let mut sum = 0;
    while !text.is_empty() {
        let (whole, rest) = leading_digits(text);
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => leading_digits(rest),
            None => ("", rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(DurationError::Malformed);
        }
        let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = unit(&rest[..end])?;
        sum += whole_part(whole, unit)? + fractional_part(fraction, unit);
        if sum > MAX_NANOSECONDS {
            return Err(DurationError::TooLong);
        }
        text = &rest[end..];
    }
    Ok(sum)
}

fn leading_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn unit(name: &str) -> Result<u128, DurationError> {
    match name {
        "ns" => Ok(NANOSECOND),
        // The micro sign and the Greek letter mu.
        "us" | "\u{b5}s" | "\u{3bc}s" => Ok(MICROSECOND),
        "ms" => Ok(MILLISECOND),
        "s" => Ok(SECOND),
        "m" => Ok(MINUTE),
        "h" => Ok(HOUR),
        "" => Err(DurationError::MissingUnit),
        _ => Err(DurationError::UnknownUnit),
    }
}

fn whole_part(digits: &str, unit: u128) -> Result<u128, DurationError> {
    let count: u64 = match digits {
        "" => 0,
        _ => digits.parse().map_err(|_| DurationError::TooLong)?,
    };
    Ok(u128::from(count) * unit)
}

/// The fraction is computed in floating point and truncated to nanoseconds, as in Go, where `0.3333333333333333333h` is 20
/// minutes.
fn fractional_part(digits: &str, unit: u128) -> u128 {
    let (mut value, mut scale) = (0_u64, 1.0_f64);
    for digit in digits.bytes().map(|digit| u64::from(digit - b'0')) {
        match value.checked_mul(10).and_then(|value| value.checked_add(digit)) {
            Some(next) if u128::from(next) <= MAX_NANOSECONDS => value = next,
            _ => break,
        }
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u128
}

/// Shows a duration as an operator would type it: `2h`, `1m30s`, `1.5s`, `500ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown(pub Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        match nanoseconds {
            0 => f.write_str("0s"),
            1..MICROSECOND => write!(f, "{nanoseconds}ns"),
            MICROSECOND..MILLISECOND => write!(f, "{}us", decimal(nanoseconds, MICROSECOND)),
            MILLISECOND..SECOND => write!(f, "{}ms", decimal(nanoseconds, MILLISECOND)),
            _ => {
                let (hours, rest) = (nanoseconds / HOUR, nanoseconds % HOUR);
                let (minutes, rest) = (rest / MINUTE, rest % MINUTE);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if minutes > 0 {
                    write!(f, "{minutes}m")?;
                }
                if rest > 0 {
                    write!(f, "{}s", decimal(rest, SECOND))?;
                }
                Ok(())
            }
        }
    }
}

/// `value / unit` without needless zeros; `unit` is a power of ten.
fn decimal(value: u128, unit: u128) -> String {
    let (whole, fraction) = (value / unit, value % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    format!("{whole}.{fraction:0width$}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
#[path = "duration_tests.rs"]
mod tests;
