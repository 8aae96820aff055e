//! Keeps the last warnings and errors of the log in memory, for the status page.

use super::format::Chain;
use crate::clock::{Clock, Rfc3339};
use crate::redact;
use serde::{Serialize, Serializer};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// The maximum number of entries. Callers can cause some of them, so there must be a limit.
const MAX_ENTRIES: usize = 50;
/// The maximum length of one value in bytes.
const MAX_VALUE: usize = 1000;

/// The last warnings and errors. Cloning is cheap, and all clones share the entries.
#[derive(Clone, Default)]
pub struct Recent(Arc<Mutex<VecDeque<LogEntry>>>);

/// A warning or an error. Repeated ones with the same text and fields are one entry.
#[derive(Clone, Debug, Serialize)]
pub struct LogEntry {
    /// When the entry was first logged.
    pub first: Rfc3339,
    /// When the entry was last logged.
    pub last: Rfc3339,
    /// How often the entry was logged.
    pub times: u64,
    /// `WARN` or `ERROR`.
    pub level: &'static str,
    /// The message of the line.
    pub message: String,
    /// The other fields of the line in their order, `code` and `see` included.
    #[serde(serialize_with = "as_object")]
    pub fields: Vec<(&'static str, String)>,
}

impl Recent {
    /// The entries, latest first.
    pub fn entries(&self) -> Vec<LogEntry> {
        self.kept().iter().rev().cloned().collect()
    }

    fn add(&self, entry: LogEntry) {
        let mut kept = self.kept();
        let known = kept.iter().position(|known| known.says_the_same(&entry));
        let entry = match known.and_then(|at| kept.remove(at)) {
            Some(known) => LogEntry { last: entry.last, times: known.times + 1, ..known },
            None => entry,
        };
        if kept.len() == MAX_ENTRIES {
            kept.pop_front();
        }
        kept.push_back(entry);
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<LogEntry>> {
        // A panic of another thread can at worst have lost an entry.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogEntry {
    fn says_the_same(&self, other: &Self) -> bool {
        (self.level, &self.message, &self.fields) == (other.level, &other.message, &other.fields)
    }
}

impl<S: Subscriber> Layer<S> for Recent {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > Level::WARN {
            return;
        }
        let now = Rfc3339(Clock::system().now());
        let mut entry = LogEntry {
            first: now,
            last: now,
            times: 1,
            level: level.as_str(),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut entry);
        self.add(entry);
    }
}

impl Visit for LogEntry {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.take(field, format_args!("{}", Chain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format_args!("{value:?}"));
    }
}

impl LogEntry {
    fn take(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let mut value = redact::field(field.name(), &value.to_string()).into_owned();
        if value.len() > MAX_VALUE {
            value.truncate(value.floor_char_boundary(MAX_VALUE));
            value.push_str("...");
        }
        match field.name() {
            "message" => self.message = value,
            name => self.fields.push((name, value)),
        }
    }
}

fn as_object<S: Serializer>(fields: &[(&'static str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, value)| (name, value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry;

    fn recorded(events: impl FnOnce()) -> Vec<LogEntry> {
        let recent = Recent::default();
        with_default(registry().with(recent.clone()), events);
        recent.entries()
    }

    #[test]
    fn warnings_and_errors_are_kept_the_latest_first_and_nothing_else() {
        let entries = recorded(|| {
            tracing::warn!(code = "a_code", see = "a page", target = %"https://a.example", "first");
            tracing::info!("no trouble");
            let error = std::io::Error::other("inner");
            tracing::error!(error = &error as &dyn Error, count = 3, "second");
        });
        let [second, first] = &entries[..] else { panic!("{entries:?}") };
        assert_eq!((first.level, first.message.as_str(), first.times), ("WARN", "first", 1));
        let fields: Vec<_> = first.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(fields, [("code", "a_code"), ("see", "a page"), ("target", "https://a.example")]);
        assert_eq!((second.level, second.message.as_str()), ("ERROR", "second"));
        assert_eq!(second.fields, [("error", "inner".to_owned()), ("count", "3".to_owned())]);
    }

    #[test]
    fn what_is_said_again_is_counted_and_moves_to_the_front() {
        let entries = recorded(|| {
            for host in ["a", "b", "a", "a"] {
                tracing::warn!(host, "upstream error");
            }
        });
        let seen: Vec<_> = entries.iter().map(|entry| (entry.fields[0].1.as_str(), entry.times)).collect();
        assert_eq!(seen, [("a", 3), ("b", 1)]);
        assert!(entries[0].first <= entries[1].first && entries[0].last >= entries[1].last);
    }

    #[test]
    fn neither_their_number_nor_their_length_grows_without_bound() {
        let entries = recorded(|| {
            for number in 0..1000 {
                tracing::warn!(number, long = "\u{e9}".repeat(5000), "again");
            }
        });
        assert_eq!(entries.len(), MAX_ENTRIES);
        assert_eq!(entries[0].fields[0].1, "999");
        assert!(entries.iter().all(|entry| entry.fields[1].1.len() <= MAX_VALUE + 3));
    }
}
