//! Reads keys of a table, and notes each problem.

use super::keys::{KeyProblem, KeyValue, Keys, Wrong};
use crate::config::duration;
use crate::config::problems::Fault;
use http::{HeaderName, HeaderValue};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// Headers that belong to a message or a connection, and that nothing but the HTTP client sets.
const OF_THE_MESSAGE: [&str; 8] =
    ["connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"];

/// Reads the keys of one table.
pub(super) struct Reader<'k> {
    keys: &'k Keys,
    /// What stands before each key in problems: empty, or `then.`.
    path: String,
    problems: Vec<KeyProblem>,
}

impl<'k> Reader<'k> {
    pub(super) fn new(keys: &'k Keys) -> Self {
        Self { keys, path: String::new(), problems: Vec::new() }
    }

    /// The names of all keys that are there.
    pub(super) fn names(&self) -> impl Iterator<Item = &'k str> + use<'k> {
        self.keys.keys().map(String::as_str)
    }

    pub(super) fn wrong(&mut self, key: &str, fault: Fault) {
        self.note(key, Wrong::Value(fault));
    }

    pub(super) fn missing(&mut self, key: &str) {
        self.note(key, Wrong::Missing);
    }

    fn note(&mut self, key: &str, problem: Wrong) {
        self.problems.push(KeyProblem { key: format!("{}{key}", self.path), problem });
    }

    /// Notes the keys that are not among these.
    pub(super) fn know_only(&mut self, known: &[&'static str]) {
        for name in self.names().filter(|name| !known.contains(name)) {
            self.note(name, Wrong::Unknown { known: known.to_vec() });
        }
    }

    /// What was read, if nothing is wrong.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, Vec<KeyProblem>> {
        match read {
            Some(read) if self.problems.is_empty() => Ok(read),
            Some(_) | None => Err(self.problems),
        }
    }

    pub(super) fn text(&mut self, key: &str) -> Option<&'k str> {
        match self.keys.get(key)? {
            KeyValue::Text(text) => Some(text),
            KeyValue::Flag(_) | KeyValue::List(_) | KeyValue::Table(_) | KeyValue::Other => {
                self.no(key, "must be a text")
            }
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        match self.keys.get(key)? {
            KeyValue::Flag(flag) => Some(*flag),
            KeyValue::Text(_) | KeyValue::List(_) | KeyValue::Table(_) | KeyValue::Other => {
                self.no(key, "must be true or false")
            }
        }
    }

    /// Several texts, or one.
    pub(super) fn list(&mut self, key: &str) -> Option<Vec<&'k str>> {
        match self.keys.get(key)? {
            KeyValue::Text(text) => Some(vec![text]),
            KeyValue::List(texts) => Some(texts.iter().map(String::as_str).collect()),
            KeyValue::Flag(_) | KeyValue::Table(_) | KeyValue::Other => {
                self.no(key, "must be a list of texts")
            }
        }
    }

    /// The keys of a table below, in order. Empty where there is none.
    pub(super) fn table(&mut self, key: &str) -> Option<&'k Keys> {
        match self.keys.get(key)? {
            KeyValue::Table(table) => Some(table),
            KeyValue::Text(_) | KeyValue::Flag(_) | KeyValue::List(_) | KeyValue::Other => {
                self.no(key, "must be a table")
            }
        }
    }

    /// Reads a table below, and notes its problems with the key before them.
    pub(super) fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Reader<'k>) -> T) -> Option<T> {
        let keys = self.table(key)?;
        let mut below = Reader { keys, path: format!("{}{key}.", self.path), problems: Vec::new() };
        let result = read(&mut below);
        self.problems.append(&mut below.problems);
        Some(result)
    }

    /// A text that says what its type allows.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, key: &str) -> Option<T> {
        let text = self.text(key)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => self.no(key, error.to_string()),
        }
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        self.no(key, format!("must be one of {}", words.join(", ")))
    }

    /// A duration of at least a second.
    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        let text = self.text(key)?;
        match duration::parse(text) {
            Ok(duration) if duration >= Duration::from_secs(1) => Some(duration),
            Ok(_) => self.no(key, "must be at least 1s"),
            Err(error) => self.no(key, error.to_string()),
        }
    }

    /// Headers with their values, in order.
    pub(super) fn headers(&mut self, key: &str) -> Vec<(HeaderName, HeaderValue)> {
        let read = self.within(key, |below| {
            let names: Vec<_> = below.names().collect();
            names.into_iter().filter_map(|name| below.header_line(name)).collect()
        });
        read.unwrap_or_default()
    }

    fn header_line(&mut self, name: &str) -> Option<(HeaderName, HeaderValue)> {
        let value = HeaderValue::try_from(self.text(name)?);
        let header = self.header_name(name, name)?;
        match value {
            Ok(value) => Some((header, value)),
            Err(_) => self.no(name, "must fit a header: visible ASCII"),
        }
    }

    /// The name of a header, which the key holds.
    pub(super) fn header_name(&mut self, key: &str, name: &str) -> Option<HeaderName> {
        match HeaderName::from_str(name) {
            Ok(header) if OF_THE_MESSAGE.contains(&header.as_str()) => {
                self.no(key, "must be a header that does not belong to the message or the connection")
            }
            Ok(header) => Some(header),
            Err(_) => self.no(key, "must be the name of a header"),
        }
    }

    fn no<T>(&mut self, key: &str, rule: impl Into<String>) -> Option<T> {
        self.wrong(key, Fault::new(rule));
        None
    }
}
