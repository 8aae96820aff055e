//! One log line, built so that nothing in a value can end it early or begin another.

use crate::clock::Rfc3339;
use crate::config::LogFormat;
use crate::legible::deceives;
use std::error::Error;
use std::fmt::{self, Display, Write};
use std::time::SystemTime;
use tracing::Event;
use tracing::field::{Field, Visit};

/// What every line begins with, besides the crate that speaks where that is another.
const RESERVED: [&str; 4] = ["time", "level", "msg", CRATE];
const CRATE: &str = "logger";

/// Docker, containerd and journald's readers cut lines at 16 KiB, and half a JSON object is none. So a value gets this
/// much while the line is short, and when it has grown beyond that only a little: what a caller or another party wrote
/// cannot cost the fields after it.
const LONGEST_VALUE: usize = 4096;
/// From here on a line counts as long.
const LONG_LINE: usize = 6 * 1024;
/// The most of a value in a long line: with 32 fields, the most that an event has, the line still fits.
const VALUE_OF_LONG_LINE: usize = 128;

/// A line in the making: time, level and message, then the fields in order.
pub(super) struct Line {
    format: LogFormat,
    text: String,
}

impl Line {
    /// The whole line of an event, with its line break.
    pub(super) fn of_event(format: LogFormat, now: SystemTime, event: &Event<'_>, ours: bool) -> String {
        let metadata = event.metadata();
        let mut line = Self::new(format, now, metadata.level().as_str());
        let mut message = Message { line: &mut line, found: false };
        event.record(&mut message);
        if !message.found {
            line.message(&metadata.name());
        }
        if !ours {
            line.key(CRATE);
            line.value(&metadata.target());
        }
        event.record(&mut Fields(&mut line));
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

    /// The key of an event's field, suffixed where the line has that key already.
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

    /// The same as [`Line::value`] for what is text already, and most is.
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

    /// Whether logfmt has it without quotes.
    fn is_plain(&self, text: &str) -> bool {
        !text.is_empty() && text.len() <= self.room() && !text.contains(needs_quotes)
    }

    fn room(&self) -> usize {
        if self.text.len() < LONG_LINE { LONGEST_VALUE } else { VALUE_OF_LONG_LINE }
    }

    fn escaped(&mut self) -> Escaped<'_> {
        let end = self.text.len() + self.room();
        Escaped { text: &mut self.text, end, is_cut: false }
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
        // A string takes everything; only the value's own formatting can fail, and a log line is no place to stop at.
        self.text.write_fmt(text).unwrap_or_else(|_| self.text.push('?'));
    }
}

/// Takes the message out of an event, wherever among the fields it stands.
struct Message<'a> {
    line: &'a mut Line,
    found: bool,
}

impl Visit for Message<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.found = true;
            self.line.message(&value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.found = true;
            self.line.message(&format_args!("{value:?}"));
        }
    }
}

/// Takes everything but the message.
struct Fields<'a>(&'a mut Line);

impl Visit for Fields<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.number(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.number(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.number(field.name(), value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.0.number(field.name(), value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.0.number(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match value.is_finite() {
            true => self.0.number(field.name(), value),
            // JSON has no number for these.
            false => self.0.string(field.name(), &value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() != "message" {
            self.0.name(field.name());
            self.0.text(value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.string(field.name(), &Chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            self.0.string(field.name(), &format_args!("{value:?}"));
        }
    }
}

/// An error and its causes.
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

/// Escapes what goes between quotes, in a way that both JSON and logfmt readers undo, and cuts it where it is too long.
struct Escaped<'a> {
    text: &'a mut String,
    /// The length that the line may have with this value.
    end: usize,
    is_cut: bool,
}

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
            self.push(text);
            return Ok(());
        }
        let mut rest = text;
        while let Some(at) = rest.find(|c| matches!(c, '"' | '\\') || deceives(c)) {
            let (clean, tail) = rest.split_at(at);
            self.push(clean);
            let mut tail = tail.chars();
            match tail.next() {
                Some('\n') => self.push_whole("\\n"),
                Some('\r') => self.push_whole("\\r"),
                Some('\t') => self.push_whole("\\t"),
                Some('"') => self.push_whole("\\\""),
                Some('\\') => self.push_whole("\\\\"),
                Some(c) => self.push_whole(&format!("\\u{:04x}", u32::from(c))),
                None => {}
            }
            rest = tail.as_str();
        }
        self.push(rest);
        Ok(())
    }
}

impl Escaped<'_> {
    /// As much of it as fits.
    fn push(&mut self, clean: &str) {
        let room = self.end.saturating_sub(self.text.len());
        if self.is_cut || clean.len() <= room {
            self.push_whole(clean);
            return;
        }
        self.text.push_str(&clean[..clean.floor_char_boundary(room)]);
        self.cut();
    }

    /// All of it, or nothing: half an escape would spoil the line.
    fn push_whole(&mut self, escape: &str) {
        if self.is_cut {
            return;
        }
        if self.text.len() + escape.len() > self.end {
            self.cut();
        } else {
            self.text.push_str(escape);
        }
    }

    fn cut(&mut self) {
        self.text.push('\u{2026}');
        self.is_cut = true;
    }
}
