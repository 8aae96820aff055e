//! What one entry of the cache has to serve, as a named state. Pure: time and jitter are arguments.
//!
//! A failed renewal moves `Fresh` to `Stale`, never to an error: a valid credential beats any news about the next one.

use super::Credential;
use super::error::{CredentialError, Unusable};
use super::refresh::{self, Backoff, ConsecutiveFailures};
use crate::clock::Timestamp;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// A credential that can be used for less is as good as none.
const SHORTEST_USE: Duration = Duration::from_secs(1);

/// The state of one entry.
#[derive(Clone, Debug)]
pub enum EntryState {
    /// There is nothing to serve yet, and a fetch runs.
    Fetching {
        /// The fetches that have failed in a row before this one.
        consecutive_failures: ConsecutiveFailures,
    },
    /// A credential that is renewed from `refresh_at`.
    Fresh {
        /// What is served.
        credential: Credential,
        /// When its renewal starts.
        refresh_at: Timestamp,
    },
    /// A credential that still serves although its renewal failed.
    Stale {
        /// What is served while it is valid.
        last_good: Credential,
        /// Why there is no newer one.
        failure: Failure,
    },
    /// Nothing to serve, because the last fetch failed.
    Failed(Failure),
}

/// The last failure of a fetch, and what follows from it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What went wrong.
    pub error: Arc<CredentialError>,
    /// The fetches that have failed in a row, this one included.
    pub consecutive_failures: ConsecutiveFailures,
    /// When the next try starts if no request asks.
    pub retry_at: Instant,
    /// When the next try starts at the latest once a request has asked.
    pub retry_on_demand_at: Instant,
    /// Whether the next try runs already, while this failure still answers requests.
    pub retrying: bool,
}

/// What a request gets.
#[derive(Debug)]
pub enum Lookup<'a> {
    /// This credential.
    Credential(&'a Credential),
    /// This error, at once.
    Fail(&'a Arc<CredentialError>),
    /// Nothing yet: wait for the fetch that runs, or that is due.
    Wait,
}

/// What requests without a credential do while a fetch runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiters {
    /// They wait for it.
    Block,
    /// They get the failure before it at once.
    FailFast,
}

/// When the refresher has to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At once.
    Now,
    /// At this moment.
    At(Timestamp),
    /// After a pause that a request can shorten.
    AfterFailure {
        /// If no request asks.
        idle: Instant,
        /// At the latest, once a request has asked.
        on_demand: Instant,
    },
}

impl EntryState {
    /// What a request gets at this moment.
    pub fn serve(&self, now: Timestamp) -> Lookup<'_> {
        match self {
            Self::Fresh { credential, .. } | Self::Stale { last_good: credential, .. }
                if credential.is_usable(now) =>
            {
                Lookup::Credential(credential)
            }
            Self::Stale { failure, .. } | Self::Failed(failure) => failure.serve(now.tick),
            Self::Fresh { .. } | Self::Fetching { .. } => Lookup::Wait,
        }
    }

    /// When the next fetch is due, given that none runs.
    pub fn due(&self, now: Timestamp) -> Due {
        match self {
            Self::Fetching { .. } => Due::Now,
            Self::Fresh { credential, refresh_at }
                if now.has_reached(*refresh_at) || !credential.is_usable(now) =>
            {
                Due::Now
            }
            Self::Fresh { refresh_at, .. } => Due::At(*refresh_at),
            Self::Stale { failure, .. } | Self::Failed(failure) => {
                Due::AfterFailure { idle: failure.retry_at, on_demand: failure.retry_on_demand_at }
            }
        }
    }

    /// The state while the next fetch runs.
    pub fn fetching(&self, waiters: Waiters) -> Self {
        match self {
            Self::Fetching { .. } | Self::Fresh { .. } => self.clone(),
            Self::Failed(failure) if waiters == Waiters::Block => {
                Self::Fetching { consecutive_failures: failure.consecutive_failures }
            }
            Self::Failed(failure) => Self::Failed(Failure { retrying: true, ..failure.clone() }),
            Self::Stale { last_good, failure } => Self::Stale {
                last_good: last_good.clone(),
                failure: Failure { retrying: true, ..failure.clone() },
            },
        }
    }

    /// The state after a fetch brought a credential. One that has expired, or is about to, is no better than none: it would
    /// be fetched again at once, for ever.
    ///
    /// # Errors
    /// When it cannot be used for a second.
    pub fn fetched(
        credential: Credential,
        now: Timestamp,
        skew: Duration,
        jitter: f64,
    ) -> Result<Self, CredentialError> {
        if !credential.is_usable(now.after(SHORTEST_USE)) {
            let rest = credential.expires().duration_since(now.wall).unwrap_or_default();
            return Err(CredentialError::Unusable(Unusable::Expires(rest)));
        }
        let refresh_at = refresh::refresh_at(&credential, skew, jitter).max(now.after(SHORTEST_USE));
        Ok(Self::Fresh { credential, refresh_at })
    }

    /// The state after a fetch failed.
    pub fn failed(&self, error: Arc<CredentialError>, now: Timestamp, jitter: f64) -> Self {
        let severity = error.severity();
        let consecutive_failures = self.consecutive_failures().with_one_more(severity);
        let Backoff { idle, on_demand } =
            refresh::backoff(severity, consecutive_failures.of(severity), jitter);
        let asked = error.retry_after().unwrap_or_default();
        let failure = Failure {
            error,
            consecutive_failures,
            retry_at: now.tick + idle.max(asked),
            retry_on_demand_at: now.tick + on_demand.max(asked),
            retrying: false,
        };
        match self.credential() {
            Some(credential) if credential.is_usable(now) => {
                Self::Stale { last_good: credential.clone(), failure }
            }
            Some(_) | None => Self::Failed(failure),
        }
    }

    /// The credential held, valid or not.
    pub fn credential(&self) -> Option<&Credential> {
        match self {
            Self::Fresh { credential, .. } | Self::Stale { last_good: credential, .. } => Some(credential),
            Self::Fetching { .. } | Self::Failed(_) => None,
        }
    }

    /// When the renewal of a credential that was minted last starts, by the wall's clock as it went then.
    pub fn refresh_at(&self) -> Option<SystemTime> {
        match self {
            Self::Fresh { refresh_at, .. } => Some(refresh_at.wall),
            Self::Stale { .. } | Self::Fetching { .. } | Self::Failed(_) => None,
        }
    }

    /// The fetches that have failed in a row.
    pub fn consecutive_failures(&self) -> ConsecutiveFailures {
        match self {
            Self::Fresh { .. } => ConsecutiveFailures::default(),
            Self::Fetching { consecutive_failures } => *consecutive_failures,
            Self::Stale { failure, .. } | Self::Failed(failure) => failure.consecutive_failures,
        }
    }

    /// The last failure, where the last fetch failed.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Stale { failure, .. } | Self::Failed(failure) => Some(failure),
            Self::Fetching { .. } | Self::Fresh { .. } => None,
        }
    }
}

impl Failure {
    /// Fails at once while this failure is news, or is being looked into already. After that a request waits for the
    /// try that it causes.
    fn serve(&self, tick: Instant) -> Lookup<'_> {
        if self.retrying || tick < self.retry_on_demand_at { Lookup::Fail(&self.error) } else { Lookup::Wait }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
