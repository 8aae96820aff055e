//! Parsers for single values. A rejected value yields the rule that it breaks, worded to follow "... is VALUE,".

use super::duration;
use super::logs::{LogFormat, LogLevel};
use super::problems::Fault;
use super::surroundings;
use super::upstream::{ForwardedFor, UpstreamProtocol};
use crate::model::audience_set::{AudienceError, AudienceSet, MAX_AUDIENCE_CHARS, MAX_AUDIENCES};
use crate::model::target::Scheme;
use crate::model::token_request::SigningAlgorithm;
use crate::redact;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// The maximum number of tags of one token (AWS STS API reference, `GetWebIdentityToken`).
pub const MAX_TAGS: usize = 50;
const MIN_TOKEN_DURATION: Duration = Duration::from_secs(60);
const MAX_TOKEN_DURATION: Duration = Duration::from_secs(3600);
const MAX_TAG_KEY_CHARS: usize = 128;
const MAX_TAG_VALUE_CHARS: usize = 256;

/// Parses a duration in Go's syntax, zero included.
///
/// # Errors
/// See [`duration::parse`].
pub fn duration(text: &str) -> Result<Duration, Fault> {
    duration::parse(text).map_err(|error| Fault::new(error.to_string()))
}

/// Parses a duration in Go's syntax, above zero.
///
/// # Errors
/// When the text is no duration, or zero.
pub fn positive_duration(text: &str) -> Result<Duration, Fault> {
    match duration(text)? {
        Duration::ZERO => Err(Fault::new("must be above 0s")),
        above => Ok(above),
    }
}

/// Parses the lifetime of a token, 60 seconds to one hour (AWS STS API reference, `GetWebIdentityToken`).
///
/// # Errors
/// When the text is no duration, or outside this range.
pub fn token_duration(text: &str) -> Result<Duration, Fault> {
    match duration(text)? {
        life if (MIN_TOKEN_DURATION..=MAX_TOKEN_DURATION).contains(&life) => Ok(life),
        _ => Err(Fault::new("must lie between 60s and 1h")),
    }
}

/// Parses a whole number from 1 to `most`.
///
/// # Errors
/// When the text is anything else.
pub fn count(text: &str, most: usize) -> Result<NonZeroUsize, Fault> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<NonZeroUsize>() {
        Ok(count) if digits && count.get() <= most => Ok(count),
        _ => Err(Fault::new(format!("must be a whole number from 1 to {most}"))),
    }
}

/// Parses a boolean in the spellings of Go's `strconv.ParseBool`.
///
/// # Errors
/// When the text is none of them.
pub fn boolean(text: &str) -> Result<bool, Fault> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(Fault::new("must be true or false")),
    }
}

/// Parses the path of a file. The file is read later, when it is used.
///
/// # Errors
/// When the text is empty, a URL or the content of a file, or has quotes or blanks around it.
pub fn file(text: &str) -> Result<PathBuf, Fault> {
    let fault = Fault::new("must be the path of a file");
    if redact::is_file_content(text) {
        return Err(fault.hint("this is the key or certificate itself: give the path of its file"));
    }
    if text.contains("://") {
        return Err(fault.hint("this is a URL, and no file is fetched"));
    }
    if text.is_empty() || surroundings::remark(text).is_some() { Err(fault) } else { Ok(PathBuf::from(text)) }
}

/// Parses `https` or `http`, in lower case.
///
/// # Errors
/// When the text is neither.
pub fn scheme(text: &str) -> Result<Scheme, Fault> {
    match text {
        "https" => Ok(Scheme::Https),
        "http" => Ok(Scheme::Http),
        _ => Err(Fault::new("must be https or http")),
    }
}

/// Parses `auto`, `http1` or `http2`, in lower case.
///
/// # Errors
/// When the text is none of them.
pub fn upstream_protocol(text: &str) -> Result<UpstreamProtocol, Fault> {
    match text {
        "auto" => Ok(UpstreamProtocol::Auto),
        "http1" => Ok(UpstreamProtocol::Http1),
        "http2" => Ok(UpstreamProtocol::Http2),
        _ => Err(Fault::new("must be auto, http1 or http2")),
    }
}

/// Parses `append`, `keep` or `remove`, in lower case.
///
/// # Errors
/// When the text is none of them.
pub fn forwarded_for(text: &str) -> Result<ForwardedFor, Fault> {
    match text {
        "append" => Ok(ForwardedFor::Append),
        "keep" => Ok(ForwardedFor::Keep),
        "remove" => Ok(ForwardedFor::Remove),
        _ => Err(Fault::new("must be append, keep or remove")),
    }
}

/// Parses `RS256` or `ES384`, in upper or lower case.
///
/// # Errors
/// When the text is neither.
pub fn signing_algorithm(text: &str) -> Result<SigningAlgorithm, Fault> {
    [SigningAlgorithm::Rs256, SigningAlgorithm::Es384]
        .into_iter()
        .find(|algorithm| text.eq_ignore_ascii_case(algorithm.as_str()))
        .ok_or_else(|| Fault::new("must be RS256 or ES384"))
}

/// Parses `debug`, `info`, `warn` or `error`, in upper or lower case.
///
/// # Errors
/// When the text is none of them.
pub fn log_level(text: &str) -> Result<LogLevel, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "debug" => Ok(LogLevel::Debug),
        "info" => Ok(LogLevel::Info),
        "warn" => Ok(LogLevel::Warn),
        "error" => Ok(LogLevel::Error),
        _ => Err(Fault::new("must be debug, info, warn or error")),
    }
}

/// Parses `json` or `text`, in upper or lower case.
///
/// # Errors
/// When the text is neither.
pub fn log_format(text: &str) -> Result<LogFormat, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        _ => Err(Fault::new("must be json or text")),
    }
}

/// Parses a level by a name that logging libraries of other languages use. More verbose levels than `debug` become `debug`, and
/// more severe ones than `error` become `error`.
pub fn foreign_log_level(text: &str) -> Option<LogLevel> {
    match text.to_ascii_lowercase().as_str() {
        "trace" | "verbose" | "dbg" | "all" | "fine" | "finer" | "finest" => Some(LogLevel::Debug),
        "information" | "informational" | "notice" | "config" | "default" => Some(LogLevel::Info),
        "warning" => Some(LogLevel::Warn),
        "err" | "severe" | "fatal" | "critical" | "crit" | "alert" | "emerg" | "emergency" | "panic" => {
            Some(LogLevel::Error)
        }
        _ => None,
    }
}

/// Parses a format by a name that other programs use.
pub fn foreign_log_format(text: &str) -> Option<LogFormat> {
    match text.to_ascii_lowercase().as_str() {
        "logfmt" | "plain" | "console" => Some(LogFormat::Text),
        _ => None,
    }
}

/// Parses one audience of the token.
///
/// # Errors
/// When STS would reject it.
pub fn audience(text: &str) -> Result<String, Fault> {
    audience_set(vec![text.to_owned()]).map(|_| text.to_owned())
}

/// Combines all audiences of the token.
///
/// # Errors
/// When STS would reject one of them, or their number.
pub fn audience_set(names: Vec<String>) -> Result<AudienceSet, Fault> {
    AudienceSet::new(names).map_err(|error| match error {
        AudienceError::Empty => Fault::new("must name an audience"),
        AudienceError::Blank(_) => Fault::new("must not contain white space"),
        AudienceError::Quoted(_) => Fault::new("must not be in quotes"),
        AudienceError::Control(_) => Fault::new("must not contain control characters"),
        AudienceError::User => Fault::new("must not hold a user or a password: it is written into the token"),
        AudienceError::TooLong(_) => {
            Fault::new(format!("must not be longer than {MAX_AUDIENCE_CHARS} characters"))
        }
        AudienceError::TooMany(_) => Fault::new(format!("must be at most {MAX_AUDIENCES}")),
    })
}

/// Parses one tag, `KEY=VALUE`, split at the first `=` (limits: AWS STS API reference, data type `Tag`).
///
/// # Errors
/// When STS would reject it.
pub fn tag(text: &str) -> Result<(String, String), Fault> {
    let Some((key, value)) = text.split_once('=') else {
        return Err(Fault::new("must be KEY=VALUE"));
    };
    if !(1..=MAX_TAG_KEY_CHARS).contains(&key.chars().count()) {
        return Err(Fault::new(format!("must have a key of 1 to {MAX_TAG_KEY_CHARS} characters")));
    }
    if key.get(..4).is_some_and(|front| front.eq_ignore_ascii_case("aws:")) {
        return Err(Fault::new("must have a key that does not begin with aws:, which AWS keeps for itself"));
    }
    if value.chars().count() > MAX_TAG_VALUE_CHARS {
        return Err(Fault::new(format!("must have a value of at most {MAX_TAG_VALUE_CHARS} characters")));
    }
    if !text.chars().all(fits_a_tag) {
        return Err(Fault::new("must be made of letters, digits, spaces and _ . : / = + - @"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// Whether a character is in the class `[\p{L}\p{Z}\p{N}_.:/=+\-@]`. Combining marks that Unicode counts as alphabetic are
/// accepted here and left to STS.
fn fits_a_tag(character: char) -> bool {
    let separator = character.is_whitespace() && !character.is_control();
    character.is_alphanumeric() || separator || "_.:/=+-@".contains(character)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
