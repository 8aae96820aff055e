//! The parameter constraints of the API reference. All violations are reported together, in the wording of AWS.

use super::api_error::{ApiError, ErrorCode};
use std::ops::RangeInclusive;

/// The maximum number of characters of a bad value that a message repeats.
const MAX_SHOWN: usize = 200;

/// The violations found so far.
#[derive(Default)]
pub(super) struct Violations(Vec<String>);

impl Violations {
    /// Reports that a required parameter is missing.
    pub(super) fn missing(&mut self, at: &str) {
        self.0.push(format!("Value null at '{at}' failed to satisfy constraint: Member must not be null"));
    }

    /// Reports that `value` violates `rule`, which completes the sentence that begins with "Member must".
    pub(super) fn broken(&mut self, value: &str, at: &str, rule: &str) {
        let shown: String = value.chars().take(MAX_SHOWN).collect();
        self.0.push(format!("Value '{shown}' at '{at}' failed to satisfy constraint: Member must {rule}"));
    }

    /// Checks the length of a text in characters.
    pub(super) fn length(&mut self, value: &str, at: &str, allowed: RangeInclusive<usize>) {
        self.count(value.chars().count(), value, at, allowed);
    }

    /// Checks the length of a list.
    pub(super) fn items(&mut self, list: &[String], at: &str, allowed: RangeInclusive<usize>) {
        self.count(list.len(), &format!("[{}]", list.join(", ")), at, allowed);
    }

    /// Checks the range of a number.
    pub(super) fn range(&mut self, value: i64, at: &str, allowed: RangeInclusive<i64>) {
        if value < *allowed.start() {
            let rule = format!("have value greater than or equal to {}", allowed.start());
            self.broken(&value.to_string(), at, &rule);
        }
        if value > *allowed.end() {
            let rule = format!("have value less than or equal to {}", allowed.end());
            self.broken(&value.to_string(), at, &rule);
        }
    }

    /// Checks that a text has only characters of session names.
    pub(super) fn name(&mut self, value: &str, at: &str) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if !value.chars().all(allowed) {
            self.broken(value, at, r"satisfy regular expression pattern: [\w+=,.@-]*");
        }
    }

    /// Checks that a text has only characters of tags: letters, separators, numbers and `_.:/=+-@`.
    pub(super) fn tag_text(&mut self, value: &str, at: &str) {
        if !value.chars().all(is_tag_char) {
            self.broken(value, at, r"satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*");
        }
    }

    /// Returns an error with all violations, if there are any.
    pub(super) fn check(self) -> Result<(), ApiError> {
        let found = match self.0.len() {
            0 => return Ok(()),
            1 => "1 validation error detected".to_owned(),
            more => format!("{more} validation errors detected"),
        };
        Err(ApiError::new(ErrorCode::ValidationError, format!("{found}: {}", self.0.join("; "))))
    }

    fn count(&mut self, length: usize, value: &str, at: &str, allowed: RangeInclusive<usize>) {
        if length < *allowed.start() {
            let rule = format!("have length greater than or equal to {}", allowed.start());
            self.broken(value, at, &rule);
        }
        if length > *allowed.end() {
            let rule = format!("have length less than or equal to {}", allowed.end());
            self.broken(value, at, &rule);
        }
    }
}

/// Whether tags may contain the character. `\p{Z}` is Unicode's white space without control characters. Alphabetic
/// marks pass too, although they are not letters.
fn is_tag_char(c: char) -> bool {
    c.is_alphabetic() || c.is_numeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}
