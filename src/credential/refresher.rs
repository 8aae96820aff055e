//! The one task that fetches for a spec. Requests never fetch: they read what it publishes, or wait for it.

use super::entry::CacheEntry;
use super::error::CredentialError;
use super::exchange_error::FailureClass;
use super::pace::Pace;
use super::settings::Settings;
use super::severity::Severity;
use super::state::{Due, EntryState, Waiters};
use super::{CredentialSource, Fetched};
use crate::diagnostics::DiagnosticCode;
use crate::tasks::{Panicked, caught};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

/// The wall clock is looked at again after this long, because it can jump and a suspended machine stops the timers.
/// A request that uses a credential past its refresh point wakes the refresher sooner.
const MAX_SLEEP: Duration = Duration::from_secs(300);
/// The pauses between the tries of a fetch that requests wait for.
const QUICK_TRIES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(600)];

/// Fetches for one spec, until no request has used it for the life of a credential.
pub(super) struct Refresher {
    pub(super) entry: Arc<CacheEntry>,
    pub(super) source: Arc<dyn CredentialSource>,
    pub(super) settings: Arc<Settings>,
    pub(super) pace: Arc<Pace>,
}

impl Refresher {
    /// Runs until the entry is idle.
    pub(super) async fn run_until_idle(&self) {
        loop {
            let state = self.entry.state();
            let waiters = match state.due(self.settings.clock.timestamp()) {
                Due::Now => Waiters::Block,
                Due::At(moment) => {
                    self.rest(self.settings.clock.timestamp().until(moment)).await;
                    if self.entry.is_idle() {
                        return;
                    }
                    continue;
                }
                Due::AfterFailure { idle, on_demand } => {
                    let waiters = self.wait_to_retry(idle, on_demand).await;
                    if self.entry.is_idle() {
                        return;
                    }
                    waiters
                }
            };
            self.fetch(waiters).await;
        }
    }

    /// Sleeps for `pause`, but never past the moment at which the entry is idle, and no longer than until a request asks.
    async fn rest(&self, pause: Duration) {
        let pause = pause.min(MAX_SLEEP).min(self.entry.idle_in().unwrap_or(MAX_SLEEP));
        self.entry.next_step_within(pause);
        tokio::select! {
            () = sleep(pause) => {}
            () = self.entry.asked() => {}
        }
    }

    /// Waits for the next try. Returns what requests that come while it runs do: they do not wait when they
    /// have been asking since the failure, as then they already know its answer.
    async fn wait_to_retry(&self, idle: Instant, on_demand: Instant) -> Waiters {
        self.entry.next_step_within(idle.saturating_duration_since(Instant::now()));
        tokio::select! {
            () = sleep_until(idle) => return Waiters::Block,
            () = self.entry.asked() => {}
        }
        if on_demand <= Instant::now() {
            return Waiters::Block;
        }
        sleep_until(on_demand).await;
        Waiters::FailFast
    }

    async fn fetch(&self, waiters: Waiters) {
        self.entry.next_step_within(self.settings.fetch_timeout);
        let before = self.entry.state();
        self.entry.publish(before.fetching(waiters));
        let quick_tries =
            if before.credential().is_none() && waiters == Waiters::Block { &QUICK_TRIES[..] } else { &[] };
        let is_new = before.credential().is_none() && !self.entry.is_pinned();
        let after = self
            .fetch_within_limit(quick_tries, is_new)
            .await
            .unwrap_or_else(|error| self.failed(&before, error));
        self.entry.publish(after.clone());
        self.report(&before, &after);
    }

    fn failed(&self, before: &EntryState, error: CredentialError) -> EntryState {
        before.failed(Arc::new(error), self.settings.clock.timestamp(), fastrand::f64())
    }

    /// Counts and reports a step that has not come to its end, as the failed fetch that it is.
    pub(super) fn give_up(&self, late: Duration) {
        let before = self.entry.state();
        let error = CredentialError::Stuck(late);
        self.settings.metrics.token_fetch(self.entry.label(), Err(error.class()), late);
        let after = self.failed(&before, error);
        self.entry.publish(after.clone());
        self.report(&before, &after);
    }

    /// One credential within `--token-fetch-timeout`, in more than one try where the trouble may pass.
    async fn fetch_within_limit(
        &self,
        quick_tries: &[Duration],
        is_new: bool,
    ) -> Result<EntryState, CredentialError> {
        let deadline = Instant::now() + self.settings.fetch_timeout;
        let mut pauses = quick_tries.iter();
        loop {
            if is_new {
                self.turn().await?;
            }
            let outcome = self.fetch_once(deadline).await;
            match (&outcome, pauses.next()) {
                (Err(error), Some(pause))
                    if error.severity() == Severity::Transient && Instant::now() + *pause < deadline =>
                {
                    sleep(*pause).await;
                }
                (Ok(_) | Err(_), _) => return outcome,
            }
        }
    }

    /// Waits for a turn to call STS, but not for so long that no time is left for the call.
    async fn turn(&self) -> Result<(), CredentialError> {
        let limit = self.settings.fetch_timeout / 2;
        timeout(limit, self.pace.turn()).await.map_err(|_| CredentialError::TooManyAudiences)
    }

    /// Whatever goes wrong in a source is a failed fetch, a panic too: this task has to outlive it.
    async fn fetch_once(&self, deadline: Instant) -> Result<EntryState, CredentialError> {
        let started = Instant::now();
        let fetching = caught(async { self.source.fetch(self.entry.spec()).await });
        let outcome = match timeout_at(deadline, fetching).await {
            Ok(Ok(Ok(fetched))) => self.accept(fetched),
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(Panicked)) => Err(CredentialError::Panicked),
            Err(_) => Err(CredentialError::TimedOut(self.settings.fetch_timeout)),
        };
        self.count(&outcome, started.elapsed());
        outcome
    }

    /// What makes an exchange counts the token and the exchange apart, unless it was cut off.
    fn count<T>(&self, outcome: &Result<T, CredentialError>, elapsed: Duration) {
        let counted = outcome.as_ref().map(|_| ());
        match self.entry.spec().exchange() {
            None => {
                let counted = counted.map_err(CredentialError::class);
                self.settings.metrics.token_fetch(self.entry.label(), counted, elapsed);
            }
            Some(named) if counted.is_err_and(CredentialError::is_cut_off) => {
                let class = FailureClass::Transient.as_str();
                self.settings.metrics.exchange(&named.credential, Err(class), elapsed);
            }
            Some(_) => {}
        }
    }

    fn accept(&self, fetched: Fetched) -> Result<EntryState, CredentialError> {
        self.note(&fetched);
        let (now, skew) = (self.settings.clock.timestamp(), self.entry.spec().refresh_skew());
        let expires = fetched.credential.expires();
        let state = EntryState::fetched(fetched.credential, now, skew, fastrand::f64())?;
        match self.entry.spec().exchange() {
            Some(named) => self.settings.metrics.credential_expiry(&named.credential, expires),
            None => self.settings.metrics.token_expiry(self.entry.label(), expires),
        }
        Ok(state)
    }

    /// Counts what is worth knowing of a new credential, and warns where it is not what was asked for.
    fn note(&self, fetched: &Fetched) {
        let (metrics, label) = (&self.settings.metrics, self.entry.label());
        if let Some(ahead) = fetched.clock_ahead {
            metrics.clock_ahead(ahead);
        }
        for mismatch in &fetched.mismatches {
            metrics.token_difference(label, mismatch.field());
            let audience = self.entry.spec().audiences();
            tracing::warn!(
                code = DiagnosticCode::TokenDiffers.code(),
                see = DiagnosticCode::TokenDiffers.see(),
                %audience,
                difference = %mismatch,
                "STS minted something else than was asked for"
            );
        }
    }

    /// One line when the state changes, not one a try.
    fn report(&self, before: &EntryState, after: &EntryState) {
        let audience = self.entry.spec().audiences();
        match (before.failure(), after.failure()) {
            (None, None) if before.credential().is_some() => tracing::debug!(%audience, "token renewed"),
            (None, None) => tracing::info!(%audience, "token obtained"),
            (Some(failure), None) => {
                tracing::info!(%audience, failures = failure.consecutive_failures.total(), "token obtained again");
            }
            (Some(known), Some(news))
                if known.error.same_cause(&news.error)
                    && before.credential().is_some() == after.credential().is_some() => {}
            // The pace has told it once for all sets.
            (_, Some(news)) if *news.error == CredentialError::TooManyAudiences => {}
            (_, Some(news)) => {
                let (error, hint) = (&news.error, news.error.hint());
                let (code, see) = (error.diagnostic().code(), error.diagnostic().see());
                let serving = after.credential().is_some();
                if serving {
                    tracing::warn!(code, see, %audience, %error, hint, "token not renewed, the valid one is served meanwhile");
                } else {
                    tracing::error!(code, see, %audience, %error, hint, "no token");
                }
            }
        }
    }
}
