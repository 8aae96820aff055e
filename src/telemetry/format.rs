//! Formats one log line, so that no value can end the line early or begin another one.

use super::escape::Escaped;
use super::targets::ACCESS;
use crate::clock::Rfc3339;
use crate::config::logs::LogFormat;
use crate::legible::deceives;
use crate::redact;
use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Display, Write};
use std::time::SystemTime;
use tracing::Event;
use tracing::field::{Field, Visit};

/// The keys that every line begins with, and the key of another crate's name.
const RESERVED: [&str; 4] = ["time", "level", "msg", CRATE];
const CRATE: &str = "logger";

/// The maximum length of a value in a short line. Docker, containerd and journald's readers cut lines at 16 KiB, which
/// breaks a JSON object. A value in a long line gets less, so that values of callers and other parties cannot cost the
/// fields after them.
const MAX_VALUE: usize = 4096;
/// The length from which a line counts as long.
const LONG_LINE: usize = 6 * 1024;
/// The maximum length of a value in a long line. With 32 fields, the most that an event has, the line still fits.
const MAX_VALUE_OF_LONG_LINE: usize = 128;

/// A log line under construction: time, level and message, then the fields in order.
pub(super) struct LogLine {
    format: LogFormat,
    text: String,
}

impl LogLine {
    /// Formats the line of an event, with its line break.
    pub(super) fn of_event(format: LogFormat, now: SystemTime, event: &Event<'_>, ours: bool) -> String {
        let metadata = event.metadata();
        let mut line = Self::new(format, now, metadata.level().as_str());
        let mut message = Message { line: &mut line, ours, found: false };
        event.record(&mut message);
        if !message.found {
            line.message(&metadata.name());
        }
        if !ours {
            line.key(CRATE);
            line.value(&metadata.target());
        }
        event.record(&mut Fields { line: &mut line, is_access: metadata.target() == ACCESS });
        line.finish()
    }

    pub(super) fn new(format: LogFormat, now: SystemTime, level: &str) -> Self {
        let mut line = Self { format, text: String::with_capacity(512) };
        let now = Rfc3339(now);
        match format {
            LogFormat::Json => line.push(format_args!(r#"{{"time":"{now}","level":"{level}""#)),
            LogFormat::Text => line.push(format_args!("time={now} level={level}")),
        }
        line
    }

    pub(super) fn message(&mut self, message: &dyn Display) {
        self.key("msg");
        self.value(message);
    }

    pub(super) fn number(&mut self, name: &str, value: impl Display) {
        self.name(name);
        self.push(format_args!("{value}"));
    }

    pub(super) fn string(&mut self, name: &str, value: &dyn Display) {
        self.name(name);
        self.value(value);
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push_str(match self.format {
            LogFormat::Json => "}\n",
            LogFormat::Text => "\n",
        });
        self.text
    }

    /// Appends the key of a field, with a suffix if the key is reserved.
    fn name(&mut self, name: &str) {
        let name = name.strip_prefix("r#").unwrap_or(name);
        match RESERVED.contains(&name) {
            true => self.key(&format!("{name}_")),
            false => self.key(name),
        }
    }

    fn key(&mut self, name: &str) {
        match self.format {
            LogFormat::Json => self.text.push(','),
            LogFormat::Text => self.text.push(' '),
        }
        self.text(name);
        match self.format {
            LogFormat::Json => self.text.push(':'),
            LogFormat::Text => self.text.push('='),
        }
    }

    /// Appends a text value. It is a faster [`LogLine::value`] for values that are text already.
    fn text(&mut self, text: &str) {
        match self.format {
            LogFormat::Text if self.is_plain(text) => self.text.push_str(text),
            LogFormat::Json | LogFormat::Text => {
                self.text.push('"');
                let mut escaped = self.escaped();
                escaped.write_str(text).unwrap_or_else(|_| self.text.push('?'));
                self.text.push('"');
            }
        }
    }

    fn value(&mut self, value: &dyn Display) {
        match self.format {
            LogFormat::Json => self.quoted(value),
            LogFormat::Text => self.quoted_where_needed(value),
        }
    }

    fn quoted(&mut self, value: &dyn Display) {
        self.text.push('"');
        let mut escaped = self.escaped();
        write!(escaped, "{value}").unwrap_or_else(|_| self.text.push('?'));
        self.text.push('"');
    }

    /// Whether logfmt writes the text without quotes.
    fn is_plain(&self, text: &str) -> bool {
        !text.is_empty() && text.len() <= self.room() && !text.contains(needs_quotes)
    }

    fn room(&self) -> usize {
        if self.text.len() < LONG_LINE { MAX_VALUE } else { MAX_VALUE_OF_LONG_LINE }
    }

    fn escaped(&mut self) -> Escaped<'_> {
        let end = self.text.len() + self.room();
        Escaped::new(&mut self.text, end)
    }

    fn quoted_where_needed(&mut self, value: &dyn Display) {
        let start = self.text.len();
        self.push(format_args!("{value}"));
        let plain = self.text.split_off(start);
        if self.is_plain(&plain) {
            self.text.push_str(&plain);
        } else {
            self.quoted(&plain);
        }
    }

    fn push(&mut self, text: fmt::Arguments<'_>) {
        // A string accepts all text, so only the value's own formatting can fail. The line then continues with a `?`.
        self.text.write_fmt(text).unwrap_or_else(|_| self.text.push('?'));
    }
}

/// Writes the message of an event, at whatever position among the fields it is.
struct Message<'a> {
    line: &'a mut LogLine,
    /// Whether the event is from this crate. Its messages are fixed texts; a library may quote anything in its
    /// messages.
    ours: bool,
    found: bool,
}

impl Visit for Message<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.record_debug(field, &format_args!("{value}"));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.found = true;
            match self.ours {
                true => self.line.message(&format_args!("{value:?}")),
                false => self.line.message(&redact::without_secrets(&format!("{value:?}"))),
            }
        }
    }
}

/// Writes all fields but the message.
struct Fields<'a> {
    line: &'a mut LogLine,
    /// Whether the event is from the access log, which has redaction rules of its own and is written for every request.
    is_access: bool,
}

impl Fields<'_> {
    /// The value without secrets, which an operator or another party may have written into it.
    fn shown<'v>(&self, field: &Field, value: &'v str) -> Cow<'v, str> {
        if self.is_access { Cow::Borrowed(value) } else { redact::field(field.name(), value) }
    }
}

impl Visit for Fields<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.line.number(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.line.number(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.line.number(field.name(), value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.line.number(field.name(), value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.line.number(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match value.is_finite() {
            true => self.line.number(field.name(), value),
            // JSON has no number for infinities and NaN.
            false => self.line.string(field.name(), &value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() != "message" {
            let value = self.shown(field, value);
            self.line.name(field.name());
            self.line.text(&value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let value = Chain(value).to_string();
        self.line.string(field.name(), &self.shown(field, &value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => {}
            name if self.is_access => self.line.string(name, &format_args!("{value:?}")),
            name => self.line.string(name, &self.shown(field, &format!("{value:?}"))),
        }
    }
}

/// Displays an error with its causes.
pub(super) struct Chain<'a>(pub(super) &'a (dyn Error + 'static));

impl Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

fn needs_quotes(c: char) -> bool {
    matches!(c, '"' | '=') || c.is_whitespace() || deceives(c)
}
