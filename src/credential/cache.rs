//! A bounded cache with one entry for each spec; one task for each entry keeps its credential fresh.

use super::CredentialSource;
use super::entry::CacheEntry;
use super::pace::Pace;
use super::refresher::Refresher;
use super::settings::Settings;
use super::watch::Watch;
use crate::model::credential_spec::CredentialSpec;
use crate::tasks::{Owned, Tasks};
use crate::telemetry::metrics::Metrics;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The credentials of every spec in use. Cloning is cheap and gives the same cache; dropping the last clone ends
/// its refreshers.
#[derive(Clone)]
pub struct CredentialCache(Arc<Shared>);

struct Shared {
    source: Arc<dyn CredentialSource>,
    settings: Arc<Settings>,
    pace: Arc<Pace>,
    tasks: Tasks,
    entries: Mutex<HashMap<CredentialSpec, Refreshed>>,
}

struct Refreshed {
    entry: Arc<CacheEntry>,
    /// Ends when this is dropped.
    refresher: Owned,
}

impl CredentialCache {
    /// An empty cache over this source.
    pub fn new(source: Arc<dyn CredentialSource>, settings: Settings) -> Self {
        settings.metrics.cached_audiences(0);
        let watch = Arc::new(Watch::new(settings.clock.timestamp()));
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

    /// Fetches for these specs at once and keeps their credentials fresh without end. Specs that were pinned before, and are not among them, are
    /// dropped as any other.
    pub fn set_pinned(&self, pinned: &HashSet<CredentialSpec>) {
        for spec in pinned {
            self.get_or_insert(spec).set_pinned(true);
        }
        for held in self.0.entries().values() {
            held.entry.set_pinned(pinned.contains(held.entry.spec()));
        }
    }

    /// The entry of a spec that is held already.
    pub fn get(&self, spec: &CredentialSpec) -> Option<Arc<CacheEntry>> {
        held(&self.0.entries(), spec)
    }

    /// How many specs are held, and the entries of at most so many of them.
    pub(super) fn entries(&self, most: usize) -> (usize, Vec<Arc<CacheEntry>>) {
        let entries = self.0.entries();
        (entries.len(), entries.values().take(most).map(|entry| entry.entry.clone()).collect())
    }

    /// The entry of a spec. Unless it is pinned, it is dropped when it has not been used for the life of a credential, or when it
    /// is the least recently used one and there is no room.
    pub fn get_or_insert(&self, spec: &CredentialSpec) -> Arc<CacheEntry> {
        let mut entries = self.0.entries();
        if let Some(entry) = held(&entries, spec) {
            return entry;
        }
        let room = self.0.settings.capacity.get() - 1;
        while entries.len() > room && evict_one(&mut entries, &self.0.settings.metrics) {}
        let entry = Arc::new(CacheEntry::new(spec.clone(), self.0.settings.clone()));
        let refresher = self.0.start_refresher(&entry);
        entries.insert(spec.clone(), Refreshed { entry: entry.clone(), refresher });
        self.0.settings.metrics.cached_audiences(entries.len());
        entry
    }
}

impl Shared {
    fn entries(&self) -> MutexGuard<'_, HashMap<CredentialSpec, Refreshed>> {
        // Every change to the map is a single call, so a panic elsewhere cannot have left it half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up what has not come to its end in time: a failed fetch as any other, and the next is another refresher's.
    fn replace_stuck_refreshers(self: &Arc<Self>) {
        let entries: Vec<_> = self.entries().values().map(|entry| entry.entry.clone()).collect();
        for entry in entries {
            let Some(late) = entry.is_overdue() else { continue };
            self.refresher(&entry).give_up(late);
            if let Some(held) = self.entries().get_mut(entry.spec()) {
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

    /// Forgets the spec unless it has been used meanwhile. Returns whether it is gone.
    fn forget_if_idle(&self, entry: &CacheEntry) -> bool {
        let mut entries = self.entries();
        if !entry.is_idle() {
            return false;
        }
        remove(&mut entries, entry, &self.settings.metrics);
        self.settings.metrics.cached_audiences(entries.len());
        true
    }
}

/// The entry of a spec that is held. It is used from now on: said while the map is locked, so that its refresher cannot
/// forget it as idle in between.
fn held(entries: &HashMap<CredentialSpec, Refreshed>, spec: &CredentialSpec) -> Option<Arc<CacheEntry>> {
    let entry = &entries.get(spec)?.entry;
    entry.touch();
    Some(entry.clone())
}

/// Fetches until the spec is idle and forgotten, or the cache is gone.
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
        watch.look_at_the_clock(cache.settings.clock.timestamp());
        cache.replace_stuck_refreshers();
    }
}

/// Drops the least recently used spec that may be dropped. Returns whether there was one.
fn evict_one(entries: &mut HashMap<CredentialSpec, Refreshed>, metrics: &Metrics) -> bool {
    let oldest = entries
        .values()
        .map(|entry| &entry.entry)
        .filter(|entry| !entry.is_pinned())
        .max_by_key(|entry| entry.unused_for())
        .cloned();
    let Some(entry) = oldest else { return false };
    remove(entries, &entry, metrics);
    entry.evict();
    true
}

/// Drops an entry. Its name stays in the metrics while another spec has it too.
fn remove(entries: &mut HashMap<CredentialSpec, Refreshed>, entry: &CacheEntry, metrics: &Metrics) {
    entries.remove(entry.spec());
    let is_shared = |other: &Refreshed| other.entry.spec().has_name_of(entry.spec());
    match entry.spec().exchange() {
        _ if entries.values().any(is_shared) => {}
        Some(named) => metrics.forget_credential(&named.credential),
        None => metrics.forget_audience(entry.label()),
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "cache_refresh_tests.rs"]
mod refresh_tests;

#[cfg(test)]
#[path = "cache_property_tests.rs"]
mod property_tests;
