//! Every audience set's shelf: found by requests, filled by one worker each, bounded in number.

use super::audience_set::AudienceSet;
use super::error::TokenError;
use super::refresh::Streak;
use super::slot::{Due, Serve, Slot};
use super::worker::Worker;
use super::{Token, TokenSource};
use crate::clock::Clock;
use crate::tasks::{Owned, Tasks};
use crate::telemetry::labels::AudienceLabel;
use crate::telemetry::metrics::Metrics;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

/// What all shelves and workers share.
pub struct Settings {
    /// Judges expiries.
    pub clock: Clock,
    /// The bound on one fetch, and on a request's wait for it.
    pub fetch_timeout: Duration,
    /// How long before its expiry a token is renewed.
    pub refresh_skew: Duration,
    /// The most audience sets held.
    pub capacity: NonZeroUsize,
    /// Counts hits, misses and fetches.
    pub metrics: Metrics,
}

/// The tokens of every audience set in use. Cloning is cheap and gives the same cache; dropping the last clone ends
/// its workers.
#[derive(Clone)]
pub struct TokenCache(Arc<Shared>);

struct Shared {
    source: Arc<dyn TokenSource>,
    settings: Arc<Settings>,
    tasks: Tasks,
    entries: Mutex<HashMap<AudienceSet, Entry>>,
}

struct Entry {
    shelf: Arc<Shelf>,
    _worker: Owned,
}

impl TokenCache {
    /// An empty cache over this source.
    pub fn new(source: Arc<dyn TokenSource>, settings: Settings) -> Self {
        settings.metrics.cached_audiences(0);
        Self(Arc::new(Shared {
            source,
            settings: Arc::new(settings),
            tasks: Tasks::default(),
            entries: Mutex::default(),
        }))
    }

    /// The shelf of a set that is fetched at once and kept fresh for ever.
    pub fn keep(&self, audiences: &AudienceSet) -> Arc<Shelf> {
        self.shelf(audiences, true)
    }

    /// The shelf of a set that is dropped when nobody has used it for a token's life, or when it is the least recently
    /// used one and there is no room.
    pub fn lend(&self, audiences: &AudienceSet) -> Arc<Shelf> {
        self.shelf(audiences, false)
    }

    /// The shelf of a set that is held already.
    pub fn find(&self, audiences: &AudienceSet) -> Option<Arc<Shelf>> {
        held(&self.0.entries(), audiences)
    }

    /// How many sets are held, and the shelves of at most so many of them.
    pub(super) fn shelves(&self, most: usize) -> (usize, Vec<Arc<Shelf>>) {
        let entries = self.0.entries();
        (entries.len(), entries.values().take(most).map(|entry| entry.shelf.clone()).collect())
    }

    fn shelf(&self, audiences: &AudienceSet, permanent: bool) -> Arc<Shelf> {
        let mut entries = self.0.entries();
        if let Some(shelf) = held(&entries, audiences) {
            return shelf;
        }
        let room = self.0.settings.capacity.get() - 1;
        while entries.len() > room && displace_one(&mut entries, &self.0.settings.metrics) {}
        let shelf = Arc::new(Shelf::new(audiences.clone(), permanent, self.0.settings.clone()));
        let worker = self.0.start_worker(&shelf);
        entries.insert(audiences.clone(), Entry { shelf: shelf.clone(), _worker: worker });
        self.0.settings.metrics.cached_audiences(entries.len());
        shelf
    }
}

impl Shared {
    fn entries(&self) -> MutexGuard<'_, HashMap<AudienceSet, Entry>> {
        // Every change to the map is a single call, so a panic elsewhere cannot have left it half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_worker(self: &Arc<Self>, shelf: &Arc<Shelf>) -> Owned {
        let worker =
            Worker { shelf: shelf.clone(), source: self.source.clone(), settings: self.settings.clone() };
        let (worker, cache) = (Arc::new(worker), Arc::downgrade(self));
        self.tasks.supervise(move || work(worker.clone(), cache.clone())).into()
    }

    /// Forgets the set unless somebody has come for it meanwhile. Answers whether it is gone.
    fn forget_if_idle(&self, shelf: &Shelf) -> bool {
        let mut entries = self.entries();
        if !shelf.is_idle() {
            return false;
        }
        entries.remove(&shelf.audiences);
        self.settings.metrics.cached_audiences(entries.len());
        self.settings.metrics.forget_audience(&shelf.label);
        true
    }
}

/// The shelf of a set that is held. It is used from now on: said while the map is locked, so that its worker cannot
/// forget it as idle in between.
fn held(entries: &HashMap<AudienceSet, Entry>, audiences: &AudienceSet) -> Option<Arc<Shelf>> {
    let shelf = &entries.get(audiences)?.shelf;
    shelf.touch();
    Some(shelf.clone())
}

/// Fetches until the set is idle and forgotten, or the cache is gone.
async fn work(worker: Arc<Worker>, cache: Weak<Shared>) {
    loop {
        worker.run_until_idle().await;
        if cache.upgrade().is_none_or(|cache| cache.forget_if_idle(&worker.shelf)) {
            return;
        }
    }
}

/// Drops the least recently used set that may be dropped. Answers whether there was one.
fn displace_one(entries: &mut HashMap<AudienceSet, Entry>, metrics: &Metrics) -> bool {
    let oldest = entries
        .values()
        .map(|entry| &entry.shelf)
        .filter(|shelf| !shelf.permanent)
        .max_by_key(|shelf| shelf.unused_for())
        .cloned();
    let Some(shelf) = oldest else { return false };
    entries.remove(&shelf.audiences);
    metrics.forget_audience(&shelf.label);
    shelf.displace();
    true
}

/// One audience set's slot as requests and its worker share it.
pub struct Shelf {
    audiences: AudienceSet,
    label: AudienceLabel,
    /// Whether the set stays although nobody uses it.
    pub(super) permanent: bool,
    slot: watch::Sender<Slot>,
    asked: Notify,
    settings: Arc<Settings>,
    made: Instant,
    /// Milliseconds from `made` to the last use.
    used: AtomicU64,
    /// How often a token was asked for.
    pub(super) uses: AtomicU64,
}

impl Shelf {
    fn new(audiences: AudienceSet, permanent: bool, settings: Arc<Settings>) -> Self {
        Self {
            label: AudienceLabel::new(&audiences),
            audiences,
            permanent,
            slot: watch::Sender::new(Slot::Fetching { streak: Streak::default() }),
            asked: Notify::new(),
            settings,
            made: Instant::now(),
            used: AtomicU64::new(0),
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
        let now = self.settings.clock.now();
        let Serve::Token(token) = slot.serve(now, Instant::now()) else { return None };
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
            match changes.borrow_and_update().serve(self.settings.clock.now(), Instant::now()) {
                Serve::Token(token) => return Ok(token.clone()),
                Serve::Fail(error) => return Err(error.clone()),
                Serve::Wait => {}
            }
            // The sender lives as long as this shelf, so waiting cannot fail.
            let _ = changes.changed().await;
        }
    }

    fn touch(&self) {
        let now = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        // More precision would be of no use to anybody.
        if now.saturating_sub(self.used.load(Ordering::Relaxed)) > 100 {
            self.used.store(now, Ordering::Relaxed);
        }
    }

    fn displace(&self) {
        let error = Arc::new(TokenError::Displaced);
        self.publish(self.slot().failed(error, self.settings.clock.now(), Instant::now(), 0.0));
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

    /// How long until the set counts as idle if nobody uses it; `None` where it never does.
    pub(super) fn idle_in(&self) -> Option<Duration> {
        let patience = self.slot.borrow().token().map_or(PATIENCE_WITHOUT_TOKEN, Token::life);
        (!self.permanent).then(|| patience.saturating_sub(self.unused_for()))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.idle_in().is_some_and(|rest| rest.is_zero())
    }
}

/// A lent set that has no token is dropped when nobody has asked for this long.
const PATIENCE_WITHOUT_TOKEN: Duration = Duration::from_secs(60);

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
