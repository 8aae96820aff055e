//! What an operator is shown of each entry of the cache: everything but its credential.

use super::cache::CredentialCache;
use super::entry::CacheEntry;
use super::error::CredentialError;
use super::state::EntryState;
use crate::clock::Timestamp;
use crate::model::credential_spec::CredentialSpec;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

/// The entries of a cache.
#[derive(Clone, Debug)]
pub struct Overview {
    /// How many are held.
    pub held: usize,
    /// Those that were looked at, in no order.
    pub sets: Vec<SetOverview>,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct SetOverview {
    /// Which credential it is.
    pub spec: CredentialSpec,
    /// How it does.
    pub state: State,
    /// Whether it stays although it is not used.
    pub pinned: bool,
    /// How often a request asked for its credential.
    pub times_used: u64,
    /// How long it has not been used.
    pub unused_for: Duration,
    /// When the credential that is held expires, or has expired.
    pub expires: Option<SystemTime>,
    /// When the credential's renewal starts, or has started.
    pub refresh_at: Option<SystemTime>,
    /// How many fetches have failed in a row.
    pub failures: u32,
    /// Why the last one failed. Not known while requests wait for the next.
    pub error: Option<Arc<CredentialError>>,
    /// When the next try after a failure starts, if no request asks for one sooner. None is planned while one runs.
    pub next_try: Option<SystemTime>,
}

/// How an entry does, in the order of how much it needs attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// No valid credential, because the last fetch failed.
    Failed,
    /// A valid credential, and the last fetch of the next one failed.
    Stale,
    /// No valid credential yet, and a fetch runs.
    Fetching,
    /// A valid credential, and a fetch of the next one runs.
    Renewing,
    /// A valid credential.
    Fresh,
}

impl State {
    /// Every one of them, in order.
    pub const ALL: [Self; 5] = [Self::Failed, Self::Stale, Self::Fetching, Self::Renewing, Self::Fresh];

    /// Its name in words of the status page.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Stale => "stale",
            Self::Fetching => "fetching",
            Self::Renewing => "renewing",
            Self::Fresh => "fresh",
        }
    }

    fn of(state: &EntryState, now: Timestamp) -> Self {
        let usable = state.credential().is_some_and(|credential| credential.is_usable(now));
        match state {
            EntryState::Fresh { refresh_at, .. } if usable && !now.has_reached(*refresh_at) => Self::Fresh,
            EntryState::Fresh { .. } if usable => Self::Renewing,
            EntryState::Fresh { .. } | EntryState::Fetching { .. } => Self::Fetching,
            EntryState::Stale { .. } if usable => Self::Stale,
            EntryState::Stale { .. } | EntryState::Failed(_) => Self::Failed,
        }
    }
}

impl CredentialCache {
    /// What is known at this moment, of at most `most` entries. The cache is locked only while those are picked out.
    pub fn overview(&self, now: Timestamp, most: usize) -> Overview {
        let (held, entries) = self.entries(most);
        Overview { held, sets: entries.iter().map(|entry| SetOverview::of(entry, now)).collect() }
    }
}

impl SetOverview {
    fn of(entry: &CacheEntry, now: Timestamp) -> Self {
        let state = entry.state();
        let failure = state.failure();
        let waiting = failure.filter(|failure| !failure.retrying);
        Self {
            spec: entry.spec().clone(),
            state: State::of(&state, now),
            pinned: entry.is_pinned(),
            times_used: entry.uses.load(Ordering::Relaxed),
            unused_for: entry.unused_for(),
            expires: state.credential().map(super::Credential::expires),
            refresh_at: state.refresh_at(),
            failures: state.consecutive_failures().total(),
            error: failure.map(|failure| failure.error.clone()),
            next_try: waiting.map(|failure| now.wall + failure.retry_at.saturating_duration_since(now.tick)),
        }
    }
}
