//! Every audience set's shelf: found by requests, filled by one worker each, bounded in number.

use super::TokenSource;
use super::audience_set::AudienceSet;
use super::pace::Pace;
use super::shelf::Shelf;
use super::watch::Watch;
use super::worker::Worker;
use crate::clock::Clock;
use crate::tasks::{Owned, Tasks};
use crate::telemetry::metrics::Metrics;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

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
    pace: Arc<Pace>,
    tasks: Tasks,
    entries: Mutex<HashMap<AudienceSet, Entry>>,
}

struct Entry {
    shelf: Arc<Shelf>,
    /// Ends when this is dropped.
    worker: Owned,
}

impl TokenCache {
    /// An empty cache over this source.
    pub fn new(source: Arc<dyn TokenSource>, settings: Settings) -> Self {
        settings.metrics.cached_audiences(0);
        let watch = Arc::new(Watch::new(settings.clock.moment()));
        let cache = Self(Arc::new(Shared {
            source,
            pace: Arc::new(Pace::new(settings.capacity)),
            settings: Arc::new(settings),
            tasks: Tasks::default(),
            entries: Mutex::default(),
        }));
        let shared = Arc::downgrade(&cache.0);
        cache.0.tasks.supervise(move || keep_watch(watch.clone(), shared.clone()));
        cache
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
        entries.insert(audiences.clone(), Entry { shelf: shelf.clone(), worker });
        self.0.settings.metrics.cached_audiences(entries.len());
        shelf
    }
}

impl Shared {
    fn entries(&self) -> MutexGuard<'_, HashMap<AudienceSet, Entry>> {
        // Every change to the map is a single call, so a panic elsewhere cannot have left it half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up what has not come to its end in time: a failed fetch as any other, and the next is another worker's.
    fn replace_stuck_workers(self: &Arc<Self>) {
        let shelves: Vec<_> = self.entries().values().map(|entry| entry.shelf.clone()).collect();
        for shelf in shelves {
            let Some(late) = shelf.is_overdue() else { continue };
            self.worker(&shelf).give_up(late);
            if let Some(entry) = self.entries().get_mut(shelf.audiences()) {
                entry.worker = self.start_worker(&shelf);
            }
        }
    }

    fn worker(&self, shelf: &Arc<Shelf>) -> Worker {
        Worker {
            shelf: shelf.clone(),
            source: self.source.clone(),
            settings: self.settings.clone(),
            pace: self.pace.clone(),
        }
    }

    fn start_worker(self: &Arc<Self>, shelf: &Arc<Shelf>) -> Owned {
        let (worker, cache) = (Arc::new(self.worker(shelf)), Arc::downgrade(self));
        self.tasks.supervise(move || work(worker.clone(), cache.clone())).into()
    }

    /// Forgets the set unless somebody has come for it meanwhile. Answers whether it is gone.
    fn forget_if_idle(&self, shelf: &Shelf) -> bool {
        let mut entries = self.entries();
        if !shelf.is_idle() {
            return false;
        }
        entries.remove(shelf.audiences());
        self.settings.metrics.cached_audiences(entries.len());
        self.settings.metrics.forget_audience(shelf.label());
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

/// Looks at the clock and at the workers now and then, until the cache is gone.
async fn keep_watch(watch: Arc<Watch>, cache: Weak<Shared>) {
    loop {
        watch.pause().await;
        let Some(cache) = cache.upgrade() else { return };
        watch.look_at_the_clock(cache.settings.clock.moment());
        cache.replace_stuck_workers();
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
    entries.remove(shelf.audiences());
    metrics.forget_audience(shelf.label());
    shelf.displace();
    true
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
