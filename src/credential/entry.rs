//! The state of one spec's credential, as requests and its refresher share it.

use super::Credential;
use super::error::CredentialError;
use super::refresh::ConsecutiveFailures;
use super::settings::Settings;
use super::state::{Due, EntryState, Lookup};
use crate::model::credential_spec::CredentialSpec;
use crate::telemetry::labels::AudienceLabel;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

/// How much longer than it says a refresher may take for what it does next, on a machine that is busy.
const GRACE: Duration = Duration::from_secs(30);

/// The state of one spec's credential as requests and its refresher share it.
pub struct CacheEntry {
    spec: CredentialSpec,
    label: AudienceLabel,
    /// Whether the entry stays although it is not used.
    pinned: AtomicBool,
    state: watch::Sender<EntryState>,
    asked: Notify,
    settings: Arc<Settings>,
    made: Instant,
    /// Milliseconds from `made` to the last use.
    used: AtomicU64,
    /// Milliseconds from `made` to when its refresher has to have come to its next step.
    step_due: AtomicU64,
    /// How often a credential was asked for.
    pub(super) uses: AtomicU64,
}

impl CacheEntry {
    pub(super) fn new(spec: CredentialSpec, settings: Arc<Settings>) -> Self {
        Self {
            label: AudienceLabel::new(spec.audiences()),
            spec,
            pinned: AtomicBool::new(false),
            state: watch::Sender::new(EntryState::Fetching {
                consecutive_failures: ConsecutiveFailures::default(),
            }),
            asked: Notify::new(),
            settings,
            made: Instant::now(),
            used: AtomicU64::new(0),
            step_due: AtomicU64::new(0),
            uses: AtomicU64::new(0),
        }
    }

    /// A valid credential: from memory, or from the fetch that runs.
    ///
    /// # Errors
    /// At once when the last fetch failed a moment ago; when the fetch that was waited for fails, or takes longer than
    /// `--token-fetch-timeout`.
    pub async fn credential(&self) -> Result<Credential, Arc<CredentialError>> {
        match self.hit() {
            Some(credential) => Ok(credential),
            None => self.miss().await,
        }
    }

    /// A valid credential from memory, where there is one. Otherwise [`CacheEntry::miss`] follows.
    pub fn hit(&self) -> Option<Credential> {
        self.touch();
        self.uses.fetch_add(1, Ordering::Relaxed);
        let credential = self.in_memory()?;
        self.settings.metrics.cache_hit(&self.label);
        Some(credential)
    }

    /// What becomes of a request that has found no valid credential in memory.
    ///
    /// # Errors
    /// Those of [`CacheEntry::credential`].
    pub async fn miss(&self) -> Result<Credential, Arc<CredentialError>> {
        self.settings.metrics.cache_miss(&self.label);
        let limit = self.settings.fetch_timeout;
        timeout(limit, self.wait()).await.unwrap_or_else(|_| Err(Arc::new(CredentialError::TimedOut(limit))))
    }

    /// Resolves when a first credential is there, however long that takes.
    pub async fn filled(&self) {
        let mut changes = self.state.subscribe();
        // The sender lives as long as this entry, so waiting cannot fail.
        let _ = changes.wait_for(|state| state.credential().is_some()).await;
    }

    /// Whether a valid credential is held.
    pub fn is_filled(&self) -> bool {
        self.in_memory().is_some()
    }

    fn in_memory(&self) -> Option<Credential> {
        let state = self.state.borrow();
        let now = self.settings.clock.timestamp();
        let Lookup::Credential(credential) = state.serve(now) else { return None };
        if state.due(now) == Due::Now {
            // The refresher's timer would have told it, but a suspended machine stops timers.
            self.asked.notify_one();
        }
        Some(credential.clone())
    }

    async fn wait(&self) -> Result<Credential, Arc<CredentialError>> {
        let mut changes = self.state.subscribe();
        loop {
            self.asked.notify_one();
            match changes.borrow_and_update().serve(self.settings.clock.timestamp()) {
                Lookup::Credential(credential) => return Ok(credential.clone()),
                Lookup::Fail(error) => return Err(error.clone()),
                Lookup::Wait => {}
            }
            // The sender lives as long as this entry, so waiting cannot fail.
            let _ = changes.changed().await;
        }
    }

    /// Whether the entry stays although it is not used.
    pub(super) fn is_pinned(&self) -> bool {
        self.pinned.load(Ordering::Relaxed)
    }

    pub(super) fn set_pinned(&self, pinned: bool) {
        self.pinned.store(pinned, Ordering::Relaxed);
    }

    /// Counts as a use.
    pub(super) fn touch(&self) {
        let now = milliseconds(self.made.elapsed());
        // More precision would be of no use.
        if now.saturating_sub(self.used.load(Ordering::Relaxed)) > 100 {
            self.used.store(now, Ordering::Relaxed);
        }
    }

    /// Its refresher comes to the next step within so long.
    pub(super) fn next_step_within(&self, time: Duration) {
        let due = milliseconds(self.made.elapsed().saturating_add(time));
        self.step_due.store(due, Ordering::Relaxed);
    }

    /// By how much its refresher is late with its next step, where that is more than a busy machine can explain.
    pub(super) fn is_overdue(&self) -> Option<Duration> {
        let due = Duration::from_millis(self.step_due.load(Ordering::Relaxed));
        let late = self.made.elapsed().saturating_sub(due);
        (late > GRACE).then_some(late)
    }

    pub(super) fn evict(&self) {
        let error = Arc::new(CredentialError::Evicted);
        self.publish(self.state().failed(error, self.settings.clock.timestamp(), 0.0));
    }

    /// What decides which credential it is.
    pub fn spec(&self) -> &CredentialSpec {
        &self.spec
    }

    /// How metrics and logs name the credential.
    pub fn label(&self) -> &AudienceLabel {
        &self.label
    }

    pub(super) fn state(&self) -> EntryState {
        self.state.borrow().clone()
    }

    pub(super) fn publish(&self, state: EntryState) {
        self.state.send_replace(state);
    }

    /// Resolves when a request has asked for a credential that is not there.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    pub(super) fn unused_for(&self) -> Duration {
        self.made.elapsed().saturating_sub(Duration::from_millis(self.used.load(Ordering::Relaxed)))
    }

    /// How long until the entry counts as idle if it is not used; `None` where it never does.
    pub(super) fn idle_in(&self) -> Option<Duration> {
        let idle_limit = self.state.borrow().credential().map_or(MAX_IDLE_WHILE_EMPTY, Credential::life);
        (!self.is_pinned()).then(|| idle_limit.saturating_sub(self.unused_for()))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.idle_in().is_some_and(|rest| rest.is_zero())
    }
}

/// An entry that is not pinned and has no credential is dropped when it has not been used for this long.
const MAX_IDLE_WHILE_EMPTY: Duration = Duration::from_secs(60);

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
