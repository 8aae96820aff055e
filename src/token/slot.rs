//! What one audience set has to serve, as a named state. Pure: time and chance are arguments.
//!
//! A failed renewal moves `Fresh` to `Stale`, never to an error: a valid token beats any news about the next one.

use super::Token;
use super::error::{TokenError, Unusable};
use super::refresh::{self, Pause, Streak};
use crate::clock::Moment;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// A token that can be used for less is as good as none.
const SHORTEST_USE: Duration = Duration::from_secs(1);

/// The state of one audience set.
#[derive(Clone, Debug)]
pub enum Slot {
    /// There is nothing to serve yet, and a fetch runs.
    Fetching {
        /// The fetches that have failed in a row before this one.
        streak: Streak,
    },
    /// A token that is renewed from `refresh_at`.
    Fresh {
        /// What is served.
        token: Token,
        /// When its renewal starts.
        refresh_at: Moment,
    },
    /// A token that still serves although its renewal failed.
    Stale {
        /// What is served while it is valid.
        last_good: Token,
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
    pub error: Arc<TokenError>,
    /// The fetches that have failed in a row, this one included.
    pub streak: Streak,
    /// When the next try starts if nobody asks.
    pub retry_at: Instant,
    /// When the next try starts at the latest once somebody has asked.
    pub retry_when_asked_at: Instant,
    /// Whether the next try runs already, while this failure still answers requests.
    pub retrying: bool,
}

/// What a request gets.
#[derive(Debug)]
pub enum Serve<'a> {
    /// This token.
    Token(&'a Token),
    /// This error, at once.
    Fail(&'a Arc<TokenError>),
    /// Nothing yet: wait for the fetch that runs, or that is due.
    Wait,
}

/// When the worker has to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At once.
    Now,
    /// At this moment.
    At(Moment),
    /// After a pause that a request can shorten.
    AfterFailure {
        /// If nobody asks.
        unasked: Instant,
        /// At the latest, once somebody has asked.
        asked: Instant,
    },
}

impl Slot {
    /// What a request gets at this moment.
    pub fn serve(&self, now: Moment) -> Serve<'_> {
        match self {
            Self::Fresh { token, .. } | Self::Stale { last_good: token, .. } if token.is_usable(now) => {
                Serve::Token(token)
            }
            Self::Stale { failure, .. } | Self::Failed(failure) => failure.serve(now.tick),
            Self::Fresh { .. } | Self::Fetching { .. } => Serve::Wait,
        }
    }

    /// When the next fetch is due, given that none runs.
    pub fn due(&self, now: Moment) -> Due {
        match self {
            Self::Fetching { .. } => Due::Now,
            Self::Fresh { token, refresh_at }
                if now.until(*refresh_at).is_zero() || !token.is_usable(now) =>
            {
                Due::Now
            }
            Self::Fresh { refresh_at, .. } => Due::At(*refresh_at),
            Self::Stale { failure, .. } | Self::Failed(failure) => {
                Due::AfterFailure { unasked: failure.retry_at, asked: failure.retry_when_asked_at }
            }
        }
    }

    /// The state while the next fetch runs. With `hold`, requests that have no token to get wait for it; otherwise the
    /// failure before it goes on answering them at once.
    pub fn fetching(&self, hold: bool) -> Self {
        match self {
            Self::Fetching { .. } | Self::Fresh { .. } => self.clone(),
            Self::Failed(failure) if hold => Self::Fetching { streak: failure.streak },
            Self::Failed(failure) => Self::Failed(Failure { retrying: true, ..failure.clone() }),
            Self::Stale { last_good, failure } => Self::Stale {
                last_good: last_good.clone(),
                failure: Failure { retrying: true, ..failure.clone() },
            },
        }
    }

    /// The state after a fetch brought a token. One that has expired, or is about to, is no better than none: it would
    /// be fetched again at once, for ever.
    ///
    /// # Errors
    /// When it cannot be used for a second.
    pub fn minted(token: Token, now: Moment, skew: Duration, chance: f64) -> Result<Self, TokenError> {
        if !token.is_usable(now.after(SHORTEST_USE)) {
            let rest = token.expires().duration_since(now.wall).unwrap_or_default();
            return Err(TokenError::Unusable(Unusable::Expires(rest)));
        }
        let refresh_at = refresh::refresh_at(&token, skew, chance).max(now.after(SHORTEST_USE));
        Ok(Self::Fresh { token, refresh_at })
    }

    /// The state after a fetch failed.
    pub fn failed(&self, error: Arc<TokenError>, now: Moment, chance: f64) -> Self {
        let severity = error.severity();
        let streak = self.streak().with_one_more(severity);
        let Pause { unasked, asked } = refresh::pause(severity, streak.of(severity), chance);
        let failure = Failure {
            error,
            streak,
            retry_at: now.tick + unasked,
            retry_when_asked_at: now.tick + asked,
            retrying: false,
        };
        match self.token() {
            Some(token) if token.is_usable(now) => Self::Stale { last_good: token.clone(), failure },
            Some(_) | None => Self::Failed(failure),
        }
    }

    /// The token held, valid or not.
    pub fn token(&self) -> Option<&Token> {
        match self {
            Self::Fresh { token, .. } | Self::Stale { last_good: token, .. } => Some(token),
            Self::Fetching { .. } | Self::Failed(_) => None,
        }
    }

    /// When the renewal of a token that was minted last starts, by the wall's clock as it went then.
    pub fn refresh_at(&self) -> Option<SystemTime> {
        match self {
            Self::Fresh { refresh_at, .. } => Some(refresh_at.wall),
            Self::Stale { .. } | Self::Fetching { .. } | Self::Failed(_) => None,
        }
    }

    /// The fetches that have failed in a row.
    pub fn streak(&self) -> Streak {
        match self {
            Self::Fresh { .. } => Streak::default(),
            Self::Fetching { streak } => *streak,
            Self::Stale { failure, .. } | Self::Failed(failure) => failure.streak,
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
    fn serve(&self, tick: Instant) -> Serve<'_> {
        if self.retrying || tick < self.retry_when_asked_at { Serve::Fail(&self.error) } else { Serve::Wait }
    }
}

#[cfg(test)]
#[path = "slot_tests.rs"]
mod tests;
