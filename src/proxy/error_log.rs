//! Upstream errors in the log: the first of its kind and cause at once, those that follow as a number every ten seconds. An
//! upstream that is down would otherwise write as many lines as it gets requests.

use super::error::UpstreamError;
use crate::diagnostics::DiagnosticCode;
use crate::model::target::Target;
use crate::tasks::Tasks;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{Instant, interval_at};

/// How often repetitions are told. What did not happen again meanwhile is news the next time.
const EVERY: Duration = Duration::from_secs(10);
/// The most lines in this time about one kind whose cause changes.
const MAX_CAUSES: u8 = 5;
/// The most kinds that are told apart, as callers choose targets.
const MAX_KINDS: usize = 1000;

/// Says each kind of upstream error once, and then how often. Cloning is cheap and gives the same.
#[derive(Clone)]
pub struct ErrorLog(Arc<Told>);

#[derive(Default)]
struct Told(Mutex<Ledger>);

impl ErrorLog {
    /// Nothing has been said yet. The task that tells of repetitions belongs to this group.
    pub fn new(tasks: &Tasks) -> Self {
        let told = Arc::default();
        let repeated = Arc::downgrade(&told);
        tasks.supervise(move || repeat(repeated.clone()));
        Self(told)
    }

    /// Logs that this target failed, or counts it where that has just been logged with the same cause.
    pub fn note(&self, target: &Target, error: &UpstreamError) {
        let diagnostic = error.diagnostic();
        let kind = Kind { target: target.clone(), diagnostic };
        if self.0.ledger().note(kind, &error.to_string()) {
            let (code, see, hint) = (diagnostic.code(), diagnostic.see(), error.hint());
            tracing::error!(code, see, %target, %error, hint, "upstream error");
        }
    }
}

async fn repeat(told: Weak<Told>) {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    loop {
        ticks.tick().await;
        match told.upgrade() {
            Some(told) => told.tell(),
            None => return,
        }
    }
}

impl Told {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Counts that a panic elsewhere left behind are still counts.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        let Summary { repeated, beyond } = self.ledger().close();
        for (Kind { target, diagnostic }, repeated) in repeated {
            let (code, see) = (diagnostic.code(), diagnostic.see());
            tracing::error!(code, see, %target, repeated, "upstream error, again");
        }
        for (diagnostic, repeated) in beyond {
            let (code, see) = (diagnostic.code(), diagnostic.see());
            tracing::error!(code, see, repeated, "upstream errors, of too many upstreams to name");
        }
    }
}

/// What was counted last is told at the end.
impl Drop for Told {
    fn drop(&mut self) {
        self.tell();
    }
}

/// What makes two errors the same news.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    target: Target,
    diagnostic: DiagnosticCode,
}

/// What has been said, and what has happened since.
#[derive(Default)]
struct Ledger {
    /// What each last said, and how often it happened again since it was last told.
    again: HashMap<Kind, Repetition>,
    /// How often something happened to targets for which there was no room.
    beyond: HashMap<DiagnosticCode, u64>,
}

struct Repetition {
    cause: Box<str>,
    /// How many causes have been logged since the last summary.
    causes: u8,
    times: u64,
}

/// What happened since the last one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Summary {
    repeated: Vec<(Kind, u64)>,
    beyond: HashMap<DiagnosticCode, u64>,
}

impl Ledger {
    /// Counts one. Answers whether it is news: the first of its kind, or one with another cause.
    fn note(&mut self, kind: Kind, cause: &str) -> bool {
        if let Some(known) = self.again.get_mut(&kind) {
            if *known.cause != *cause && known.causes < MAX_CAUSES {
                known.cause = cause.into();
                known.causes += 1;
                return true;
            }
            known.times += 1;
            return false;
        }
        if self.again.len() >= MAX_KINDS {
            *self.beyond.entry(kind.diagnostic).or_default() += 1;
            return false;
        }
        self.again.insert(kind, Repetition { cause: cause.into(), causes: 1, times: 0 });
        true
    }

    /// Tells what happened again, and forgets what did not.
    fn close(&mut self) -> Summary {
        self.again.retain(|_, known| known.times > 0);
        let repeated = self.again.iter_mut().map(|(kind, known)| {
            known.causes = 0;
            (kind.clone(), std::mem::take(&mut known.times))
        });
        let repeated = repeated.collect();
        Summary { repeated, beyond: std::mem::take(&mut self.beyond) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::target::Scheme;

    fn kind(host: &str, diagnostic: DiagnosticCode) -> Kind {
        Kind { target: Target::new(Scheme::Https, host.parse().unwrap()), diagnostic }
    }

    #[test]
    fn the_first_of_its_kind_is_news_and_the_others_are_a_number() {
        let mut ledger = Ledger::default();
        let dns = kind("a.example", DiagnosticCode::UpstreamDns);
        assert!(ledger.note(dns.clone(), "broken"));
        assert!(ledger.note(kind("b.example", DiagnosticCode::UpstreamDns), "broken"));
        assert!(ledger.note(kind("a.example", DiagnosticCode::UpstreamTls), "broken"));
        assert!(!ledger.note(dns.clone(), "broken") && !ledger.note(dns.clone(), "broken"));
        assert_eq!(ledger.close(), Summary { repeated: vec![(dns.clone(), 2)], ..Summary::default() });
        assert!(!ledger.note(dns.clone(), "broken"), "it went on");
        assert_eq!(ledger.close().repeated, [(dns.clone(), 1)]);
        assert_eq!(ledger.close(), Summary::default());
        assert!(ledger.note(dns, "broken"), "it had ended");
    }

    #[test]
    fn another_cause_is_news_but_not_without_end() {
        let mut ledger = Ledger::default();
        let tls = || kind("a.example", DiagnosticCode::UpstreamTls);
        assert!(ledger.note(tls(), "unknown issuer") && !ledger.note(tls(), "unknown issuer"));
        assert!(ledger.note(tls(), "expired") && !ledger.note(tls(), "expired"));
        let news = (0..100).filter(|n| ledger.note(tls(), &format!("cause {n}")));
        assert_eq!(news.count(), usize::from(MAX_CAUSES) - 2);
        assert_eq!(ledger.close().repeated.len(), 1);
        assert!(ledger.note(tls(), "another"));
    }

    #[test]
    fn callers_that_name_many_targets_fill_neither_memory_nor_log() {
        let mut ledger = Ledger::default();
        let news = (0..5000)
            .filter(|n| ledger.note(kind(&format!("h{n}.example"), DiagnosticCode::UpstreamDns), "broken"));
        assert_eq!(news.count(), MAX_KINDS);
        assert_eq!(ledger.again.len(), MAX_KINDS);
        assert_eq!(
            ledger.close(),
            Summary { beyond: [(DiagnosticCode::UpstreamDns, 4000)].into(), ..Summary::default() }
        );
        assert!(ledger.again.is_empty());
    }
}
