//! A bounded cache with one entry for each audience set; one task for each entry keeps its token fresh.

use super::TokenSource;
use super::entry::CacheEntry;
use super::pace::Pace;
use super::refresher::Refresher;
use super::settings::Settings;
use super::watch::Watch;
use crate::model::audience_set::AudienceSet;
use crate::tasks::{Owned, Tasks};
use crate::telemetry::metrics::Metrics;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The tokens of every audience set in use. Cloning is cheap and gives the same cache; dropping the last clone ends
/// its refreshers.
#[derive(Clone)]
pub struct TokenCache(Arc<Shared>);

struct Shared {
    source: Arc<dyn TokenSource>,
    settings: Arc<Settings>,
    pace: Arc<Pace>,
    tasks: Tasks,
    entries: Mutex<HashMap<AudienceSet, Refreshed>>,
}

struct Refreshed {
    entry: Arc<CacheEntry>,
    /// Ends when this is dropped.
    refresher: Owned,
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

    /// Fetches these sets at once and keeps them fresh without end. Sets that were pinned before, and are not among them, are
    /// dropped as any other.
    pub fn set_pinned(&self, pinned: &HashSet<AudienceSet>) {
        for audiences in pinned {
            self.get_or_insert(audiences).set_pinned(true);
        }
        for held in self.0.entries().values() {
            held.entry.set_pinned(pinned.contains(held.entry.audiences()));
        }
    }

    /// The entry of a set that is held already.
    pub fn get(&self, audiences: &AudienceSet) -> Option<Arc<CacheEntry>> {
        held(&self.0.entries(), audiences)
    }

    /// How many sets are held, and the entries of at most so many of them.
    pub(super) fn entries(&self, most: usize) -> (usize, Vec<Arc<CacheEntry>>) {
        let entries = self.0.entries();
        (entries.len(), entries.values().take(most).map(|entry| entry.entry.clone()).collect())
    }

    /// The entry of a set. Unless the set is pinned, it is dropped when it has not been used for the life of a token, or when it
    /// is the least recently used one and there is no room.
    pub fn get_or_insert(&self, audiences: &AudienceSet) -> Arc<CacheEntry> {
        let mut entries = self.0.entries();
        if let Some(entry) = held(&entries, audiences) {
            return entry;
        }
        let room = self.0.settings.capacity.get() - 1;
        while entries.len() > room && evict_one(&mut entries, &self.0.settings.metrics) {}
        let entry = Arc::new(CacheEntry::new(audiences.clone(), self.0.settings.clone()));
        let refresher = self.0.start_refresher(&entry);
        entries.insert(audiences.clone(), Refreshed { entry: entry.clone(), refresher });
        self.0.settings.metrics.cached_audiences(entries.len());
        entry
    }
}

impl Shared {
    fn entries(&self) -> MutexGuard<'_, HashMap<AudienceSet, Refreshed>> {
        // Every change to the map is a single call, so a panic elsewhere cannot have left it half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up what has not come to its end in time: a failed fetch as any other, and the next is another refresher's.
    fn replace_stuck_refreshers(self: &Arc<Self>) {
        let entries: Vec<_> = self.entries().values().map(|entry| entry.entry.clone()).collect();
        for entry in entries {
            let Some(late) = entry.is_overdue() else { continue };
            self.refresher(&entry).give_up(late);
            if let Some(held) = self.entries().get_mut(entry.audiences()) {
                held.refresher = self.start_refresher(&entry);
            }
        }
    }

    fn refresher(&self, entry: &Arc<CacheEntry>) -> Refresher {
        Refresher {
            entry: entry.clone(),
            source: self.source.clone(),
            settings: self.settings.clone(),
            pace: self.pace.clone(),
        }
    }

    fn start_refresher(self: &Arc<Self>, entry: &Arc<CacheEntry>) -> Owned {
        let (refresher, cache) = (Arc::new(self.refresher(entry)), Arc::downgrade(self));
        self.tasks.supervise(move || work(refresher.clone(), cache.clone())).into()
    }

    /// Forgets the set unless it has been used meanwhile. Returns whether it is gone.
    fn forget_if_idle(&self, entry: &CacheEntry) -> bool {
        let mut entries = self.entries();
        if !entry.is_idle() {
            return false;
        }
        entries.remove(entry.audiences());
        self.settings.metrics.cached_audiences(entries.len());
        self.settings.metrics.forget_audience(entry.label());
        true
    }
}

/// The entry of a set that is held. It is used from now on: said while the map is locked, so that its refresher cannot
/// forget it as idle in between.
fn held(entries: &HashMap<AudienceSet, Refreshed>, audiences: &AudienceSet) -> Option<Arc<CacheEntry>> {
    let entry = &entries.get(audiences)?.entry;
    entry.touch();
    Some(entry.clone())
}

/// Fetches until the set is idle and forgotten, or the cache is gone.
async fn work(refresher: Arc<Refresher>, cache: Weak<Shared>) {
    loop {
        refresher.run_until_idle().await;
        if cache.upgrade().is_none_or(|cache| cache.forget_if_idle(&refresher.entry)) {
            return;
        }
    }
}

/// Looks at the clock and at the refreshers now and then, until the cache is gone.
async fn keep_watch(watch: Arc<Watch>, cache: Weak<Shared>) {
    loop {
        watch.pause().await;
        let Some(cache) = cache.upgrade() else { return };
        watch.look_at_the_clock(cache.settings.clock.moment());
        cache.replace_stuck_refreshers();
    }
}

/// Drops the least recently used set that may be dropped. Returns whether there was one.
fn evict_one(entries: &mut HashMap<AudienceSet, Refreshed>, metrics: &Metrics) -> bool {
    let oldest = entries
        .values()
        .map(|entry| &entry.entry)
        .filter(|entry| !entry.is_pinned())
        .max_by_key(|entry| entry.unused_for())
        .cloned();
    let Some(entry) = oldest else { return false };
    entries.remove(entry.audiences());
    metrics.forget_audience(entry.label());
    entry.evict();
    true
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
