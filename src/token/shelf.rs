//! One audience set's slot, as requests and its worker share it.

use super::Token;
use super::audience_set::AudienceSet;
use super::cache::Settings;
use super::error::TokenError;
use super::refresh::Streak;
use super::slot::{Due, Serve, Slot};
use crate::telemetry::labels::AudienceLabel;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

/// How much longer than it says a worker may take for what it does next, on a machine that is busy.
const GRACE: Duration = Duration::from_secs(30);

/// One audience set's slot as requests and its worker share it.
pub struct Shelf {
    audiences: AudienceSet,
    label: AudienceLabel,
    /// Whether the set stays although it is not used.
    pub(super) permanent: bool,
    slot: watch::Sender<Slot>,
    asked: Notify,
    settings: Arc<Settings>,
    made: Instant,
    /// Milliseconds from `made` to the last use.
    used: AtomicU64,
    /// Milliseconds from `made` to when its worker has to have come to its next step.
    step_due: AtomicU64,
    /// How often a token was asked for.
    pub(super) uses: AtomicU64,
}

impl Shelf {
    pub(super) fn new(audiences: AudienceSet, permanent: bool, settings: Arc<Settings>) -> Self {
        Self {
            label: AudienceLabel::new(&audiences),
            audiences,
            permanent,
            slot: watch::Sender::new(Slot::Fetching { streak: Streak::default() }),
            asked: Notify::new(),
            settings,
            made: Instant::now(),
            used: AtomicU64::new(0),
            step_due: AtomicU64::new(0),
            uses: AtomicU64::new(0),
        }
    }

    /// A valid token: from memory, or from the fetch that runs.
    ///
    /// # Errors
    /// At once when the last fetch failed a moment ago; when the fetch that was waited for fails, or takes longer than
    /// `--token-fetch-timeout`.
    pub async fn token(&self) -> Result<Token, Arc<TokenError>> {
        self.touch();
        self.uses.fetch_add(1, Ordering::Relaxed);
        if let Some(token) = self.token_in_memory() {
            self.settings.metrics.cache_hit(&self.label);
            return Ok(token);
        }
        self.settings.metrics.cache_miss(&self.label);
        let limit = self.settings.fetch_timeout;
        timeout(limit, self.wait()).await.unwrap_or_else(|_| Err(Arc::new(TokenError::TimedOut(limit))))
    }

    /// Resolves when a first token is there, however long that takes.
    pub async fn filled(&self) {
        let mut changes = self.slot.subscribe();
        // The sender lives as long as this shelf, so waiting cannot fail.
        let _ = changes.wait_for(|slot| slot.token().is_some()).await;
    }

    /// Whether a valid token is held.
    pub fn is_filled(&self) -> bool {
        self.token_in_memory().is_some()
    }

    fn token_in_memory(&self) -> Option<Token> {
        let slot = self.slot.borrow();
        let now = self.settings.clock.moment();
        let Serve::Token(token) = slot.serve(now) else { return None };
        if slot.due(now) == Due::Now {
            // The worker's timer would have told it, but a suspended machine stops timers.
            self.asked.notify_one();
        }
        Some(token.clone())
    }

    async fn wait(&self) -> Result<Token, Arc<TokenError>> {
        let mut changes = self.slot.subscribe();
        loop {
            self.asked.notify_one();
            match changes.borrow_and_update().serve(self.settings.clock.moment()) {
                Serve::Token(token) => return Ok(token.clone()),
                Serve::Fail(error) => return Err(error.clone()),
                Serve::Wait => {}
            }
            // The sender lives as long as this shelf, so waiting cannot fail.
            let _ = changes.changed().await;
        }
    }

    /// Counts as a use.
    pub(super) fn touch(&self) {
        let now = milliseconds(self.made.elapsed());
        // More precision would be of no use to anybody.
        if now.saturating_sub(self.used.load(Ordering::Relaxed)) > 100 {
            self.used.store(now, Ordering::Relaxed);
        }
    }

    /// Its worker comes to the next step within so long.
    pub(super) fn next_step_within(&self, time: Duration) {
        let due = milliseconds(self.made.elapsed().saturating_add(time));
        self.step_due.store(due, Ordering::Relaxed);
    }

    /// By how much its worker is late with its next step, where that is more than a busy machine can explain.
    pub(super) fn is_overdue(&self) -> Option<Duration> {
        let due = Duration::from_millis(self.step_due.load(Ordering::Relaxed));
        let late = self.made.elapsed().saturating_sub(due);
        (late > GRACE).then_some(late)
    }

    pub(super) fn displace(&self) {
        let error = Arc::new(TokenError::Displaced);
        self.publish(self.slot().failed(error, self.settings.clock.moment(), 0.0));
    }

    pub(super) fn audiences(&self) -> &AudienceSet {
        &self.audiences
    }

    /// How metrics and logs name the set.
    pub fn label(&self) -> &AudienceLabel {
        &self.label
    }

    pub(super) fn slot(&self) -> Slot {
        self.slot.borrow().clone()
    }

    pub(super) fn publish(&self, slot: Slot) {
        self.slot.send_replace(slot);
    }

    /// Resolves when a request has asked for a token that is not there.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    pub(super) fn unused_for(&self) -> Duration {
        self.made.elapsed().saturating_sub(Duration::from_millis(self.used.load(Ordering::Relaxed)))
    }

    /// How long until the set counts as idle if it is not used; `None` where it never does.
    pub(super) fn idle_in(&self) -> Option<Duration> {
        let patience = self.slot.borrow().token().map_or(PATIENCE_WITHOUT_TOKEN, Token::life);
        (!self.permanent).then(|| patience.saturating_sub(self.unused_for()))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.idle_in().is_some_and(|rest| rest.is_zero())
    }
}

/// A lent set that has no token is dropped when it has not been asked for this long.
const PATIENCE_WITHOUT_TOKEN: Duration = Duration::from_secs(60);

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
