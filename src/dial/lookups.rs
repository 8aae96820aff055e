//! What is known of names, which look-ups run, and which wait: pure, with the time as an argument.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long an answer is taken as it is. The system does not say how long it holds.
const GOOD: Duration = Duration::from_secs(2);
/// How long a failure is.
const BAD: Duration = Duration::from_secs(1);
/// How long the last answer stands in for one that cannot be had (RFC 8767, with a shorter time than it allows).
const STALE: Duration = Duration::from_secs(300);
/// How long a look-up may take before the last answer is used in place of its own (RFC 8767, section 5).
const STALE_AFTER: Duration = Duration::from_secs(1);
/// The most look-ups at a time.
const MAX_THREADS: usize = 16;
/// The most names that are known, looked up or waiting.
const MAX_NAMES: usize = 1024;
/// The most of them that have no answer.
const MAX_NAMES_WITHOUT_ANSWER: usize = 512;

/// Names, and the threads that look them up.
#[derive(Default)]
pub(super) struct Lookups {
    names: HashMap<Box<str>, Entry>,
    /// Those that no thread has taken up yet, in order.
    waiting: VecDeque<Box<str>>,
    threads: usize,
}

#[derive(Default)]
struct Entry {
    good: Option<(Arc<[SocketAddr]>, Instant)>,
    bad: Option<(Arc<str>, Instant)>,
    /// From when to when a look-up ran before there was an answer.
    first: Option<(Instant, Instant)>,
    running: Option<Running>,
}

struct Running {
    since: Instant,
    /// Dropped when there is an outcome.
    done: watch::Sender<()>,
}

/// What is known of a name.
pub(super) enum NameState {
    /// Its addresses, at least one.
    Known(Arc<[SocketAddr]>),
    /// Why it has none.
    Failed(Arc<str>),
    /// A look-up waits or runs.
    Running {
        /// Closes at its end.
        done: watch::Receiver<()>,
        /// When the last answer will do, where there is one.
        stale_from: Option<Instant>,
    },
}

impl Entry {
    fn known(&self, now: Instant) -> Option<NameState> {
        let good = |limit| {
            let (addresses, since) = self.good.as_ref()?;
            (now.duration_since(*since) < limit).then(|| NameState::Known(addresses.clone()))
        };
        if let Some(fresh) = good(GOOD) {
            return Some(fresh);
        }
        if let Some(Running { since, done }) = &self.running {
            let stale = good(STALE);
            let stale_from = stale.is_some().then_some(*since + STALE_AFTER);
            let running = NameState::Running { done: done.subscribe(), stale_from };
            return Some(stale.filter(|_| now >= *since + STALE_AFTER).unwrap_or(running));
        }
        let (problem, since) = self.bad.as_ref()?;
        (now.duration_since(*since) < BAD)
            .then(|| good(STALE).unwrap_or_else(|| NameState::Failed(problem.clone())))
    }

    /// Whether there is an answer, which may be used where a newer one cannot be had.
    fn has_answer(&self, now: Instant) -> bool {
        self.good.as_ref().is_some_and(|(_, since)| now.duration_since(*since) < STALE)
    }

    fn is_wanted(&self) -> bool {
        self.running.as_ref().is_some_and(|running| !running.done.is_closed())
    }
}

impl Lookups {
    /// What is known of the name. What is not, or not any more, waits for a thread from now on.
    pub(super) fn ask(&mut self, name: &str, now: Instant) -> NameState {
        if let Some(known) = self.names.get(name).and_then(|entry| entry.known(now)) {
            return known;
        }
        if !self.names.contains_key(name) && !self.make_room(now) {
            return NameState::Failed("too many names are being looked up".into());
        }
        let entry = self.names.entry(name.into()).or_default();
        let (done, outcome) = watch::channel(());
        let stale = entry.has_answer(now);
        entry.running = Some(Running { since: now, done });
        // The answer of a name in use may be needed again soon; a new name may hold a thread for long.
        match stale {
            true => self.waiting.push_front(name.into()),
            false => self.waiting.push_back(name.into()),
        }
        NameState::Running { done: outcome, stale_from: stale.then_some(now + STALE_AFTER) }
    }

    /// How much of the time since `begin` passed before the name had an answer; `None` while it has none.
    pub(super) fn time_to_answer(&self, name: &str, begin: Instant, now: Instant) -> Option<Duration> {
        let Some(entry) = self.names.get(name) else { return Some(Duration::ZERO) };
        let (from, to) = entry.first.unwrap_or((begin, begin));
        entry.has_answer(now).then(|| to.saturating_duration_since(from.max(begin)))
    }

    /// Makes room for a name that is not known, as callers choose names. Names that have never had an answer are bounded by
    /// themselves, so that many of them take nothing from a name in use. Returns whether there is room.
    fn make_room(&mut self, now: Instant) -> bool {
        if self.without_answer(now) >= MAX_NAMES_WITHOUT_ANSWER {
            self.names.retain(|_, entry| entry.is_wanted() || entry.has_answer(now));
        }
        if self.names.len() >= MAX_NAMES {
            self.forget_oldest_answer();
        }
        self.waiting.retain(|name| self.names.contains_key(name));
        self.names.len() < MAX_NAMES && self.without_answer(now) < MAX_NAMES_WITHOUT_ANSWER
    }

    fn without_answer(&self, now: Instant) -> usize {
        self.names.values().filter(|entry| !entry.has_answer(now)).count()
    }

    /// A name in use has been looked up a moment ago, so the oldest answer is that of another.
    fn forget_oldest_answer(&mut self) {
        let unwanted = self.names.iter().filter(|(_, entry)| !entry.is_wanted());
        let oldest = unwanted.min_by_key(|(_, entry)| entry.good.as_ref().map(|(_, since)| *since));
        if let Some(name) = oldest.map(|(name, _)| name.clone()) {
            self.names.remove(&name);
        }
    }

    /// Whether one thread more has work to do.
    pub(super) fn wants_thread(&self) -> bool {
        !self.waiting.is_empty() && self.threads < MAX_THREADS
    }

    /// A thread has been started, which asks for the next name until there is none.
    pub(super) fn thread_started(&mut self) {
        self.threads += 1;
    }

    /// No thread can be had. Those that there are will do; without any, what waits fails.
    pub(super) fn no_thread(&mut self, error: &io::Error, now: Instant) {
        if self.threads == 0 {
            for name in std::mem::take(&mut self.waiting) {
                self.finish(&name, Err(io::Error::other(format!("no thread to look it up: {error}"))), now);
            }
        }
    }

    /// The next name to look up. Those that nothing waits for any more are left out. Without a name, the thread ends.
    pub(super) fn next(&mut self) -> Option<Box<str>> {
        while let Some(name) = self.waiting.pop_front() {
            match self.names.get_mut(&name) {
                Some(entry) if entry.is_wanted() => return Some(name),
                Some(entry) => entry.running = None,
                None => {}
            }
        }
        self.threads -= 1;
        None
    }

    /// Remembers the outcome, and gives it to all that wait.
    pub(super) fn finish(&mut self, name: &str, outcome: io::Result<Arc<[SocketAddr]>>, now: Instant) {
        let Some(entry) = self.names.get_mut(name) else { return };
        let running = entry.running.take();
        match outcome {
            Ok(addresses) if addresses.is_empty() => {
                entry.bad = Some(("the name has no address".into(), now));
            }
            Ok(addresses) => {
                if !entry.has_answer(now) {
                    entry.first = running.map(|running| (running.since, now));
                }
                entry.good = Some((addresses, now));
            }
            Err(error) => entry.bad = Some((error.to_string().into(), now)),
        }
    }
}

#[cfg(test)]
#[path = "lookups_tests.rs"]
mod tests;
