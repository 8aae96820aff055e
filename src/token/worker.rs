//! The one task that fetches for an audience set. Requests never fetch: they read what it publishes, or wait for it.

use super::cache::Settings;
use super::error::{Severity, TokenError};
use super::pace::Pace;
use super::shelf::Shelf;
use super::slot::{Due, Slot};
use super::{Minted, TokenSource};
use crate::diagnostics::DiagnosticCode;
use crate::tasks::{Panicked, caught};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

/// The wall clock is looked at again after this long, because it can jump and a suspended machine stops the timers.
/// Whoever uses a token past its refresh point wakes the worker sooner.
const LONGEST_SLEEP: Duration = Duration::from_secs(300);
/// The pauses between the tries of a fetch that requests wait for.
const QUICK_TRIES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(600)];

/// Fetches for one audience set, for ever or until nobody has used it for a token's life.
pub(super) struct Worker {
    pub(super) shelf: Arc<Shelf>,
    pub(super) source: Arc<dyn TokenSource>,
    pub(super) settings: Arc<Settings>,
    pub(super) pace: Arc<Pace>,
}

impl Worker {
    /// Runs until the set is idle.
    pub(super) async fn run_until_idle(&self) {
        loop {
            let slot = self.shelf.slot();
            let hold = match slot.due(self.settings.clock.moment()) {
                Due::Now => true,
                Due::At(moment) => {
                    self.rest(self.settings.clock.moment().until(moment)).await;
                    if self.shelf.is_idle() {
                        return;
                    }
                    continue;
                }
                Due::AfterFailure { unasked, asked } => {
                    let hold = self.wait_to_retry(unasked, asked).await;
                    if self.shelf.is_idle() {
                        return;
                    }
                    hold
                }
            };
            self.fetch(hold).await;
        }
    }

    /// Sleeps for `pause`, but never past the moment at which the set is idle, and no longer than somebody asks.
    async fn rest(&self, pause: Duration) {
        let pause = pause.min(LONGEST_SLEEP).min(self.shelf.idle_in().unwrap_or(LONGEST_SLEEP));
        self.shelf.next_step_within(pause);
        tokio::select! {
            () = sleep(pause) => {}
            () = self.shelf.asked() => {}
        }
    }

    /// Waits for the next try. Answers whether requests that come while it runs are to wait for it: not when they
    /// have been asking since the failure, as then they already know its answer.
    async fn wait_to_retry(&self, unasked: Instant, asked: Instant) -> bool {
        self.shelf.next_step_within(unasked.saturating_duration_since(Instant::now()));
        tokio::select! {
            () = sleep_until(unasked) => return true,
            () = self.shelf.asked() => {}
        }
        if asked <= Instant::now() {
            return true;
        }
        sleep_until(asked).await;
        false
    }

    async fn fetch(&self, hold: bool) {
        self.shelf.next_step_within(self.settings.fetch_timeout);
        let before = self.shelf.slot();
        self.shelf.publish(before.fetching(hold));
        let quick_tries = if before.token().is_none() && hold { &QUICK_TRIES[..] } else { &[] };
        let is_new = before.token().is_none() && !self.shelf.permanent;
        let after = self.mint(quick_tries, is_new).await.unwrap_or_else(|error| self.failed(&before, error));
        self.shelf.publish(after.clone());
        self.report(&before, &after);
    }

    fn failed(&self, before: &Slot, error: TokenError) -> Slot {
        before.failed(Arc::new(error), self.settings.clock.moment(), fastrand::f64())
    }

    /// Counts and reports a step that has not come to its end, as the failed fetch that it is.
    pub(super) fn give_up(&self, late: Duration) {
        let before = self.shelf.slot();
        let error = TokenError::Stuck(late);
        self.settings.metrics.token_fetch(self.shelf.label(), Err(error.class()), late);
        let after = self.failed(&before, error);
        self.shelf.publish(after.clone());
        self.report(&before, &after);
    }

    /// One token within `--token-fetch-timeout`, in more than one try where the trouble may pass.
    async fn mint(&self, quick_tries: &[Duration], is_new: bool) -> Result<Slot, TokenError> {
        let deadline = Instant::now() + self.settings.fetch_timeout;
        let mut pauses = quick_tries.iter();
        loop {
            if is_new {
                self.turn().await?;
            }
            let outcome = self.mint_once(deadline).await;
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
    async fn turn(&self) -> Result<(), TokenError> {
        let limit = self.settings.fetch_timeout / 2;
        timeout(limit, self.pace.turn()).await.map_err(|_| TokenError::TooManyAudiences)
    }

    /// Whatever goes wrong in a source is a failed fetch, a panic too: this task has to outlive it.
    async fn mint_once(&self, deadline: Instant) -> Result<Slot, TokenError> {
        let started = Instant::now();
        let minting = caught(async { self.source.mint(self.shelf.audiences()).await });
        let outcome = match timeout_at(deadline, minting).await {
            Ok(Ok(Ok(minted))) => self.accept(minted),
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(Panicked)) => Err(TokenError::Panicked),
            Err(_) => Err(TokenError::TimedOut(self.settings.fetch_timeout)),
        };
        let counted = outcome.as_ref().map(|_| ()).map_err(TokenError::class);
        self.settings.metrics.token_fetch(self.shelf.label(), counted, started.elapsed());
        outcome
    }

    fn accept(&self, minted: Minted) -> Result<Slot, TokenError> {
        self.remark(&minted);
        let (now, skew) = (self.settings.clock.moment(), self.settings.refresh_skew);
        let expires = minted.token.expires();
        let slot = Slot::minted(minted.token, now, skew, fastrand::f64())?;
        self.settings.metrics.token_expiry(self.shelf.label(), expires);
        Ok(slot)
    }

    /// Counts what is worth knowing of a new token, and warns where it is not what was asked for.
    fn remark(&self, minted: &Minted) {
        let (metrics, label) = (&self.settings.metrics, self.shelf.label());
        if let Some(ahead) = minted.clock_ahead {
            metrics.clock_ahead(ahead);
        }
        for difference in &minted.differences {
            metrics.token_difference(label, difference.field());
            let audience = self.shelf.audiences();
            tracing::warn!(
                code = DiagnosticCode::TokenDiffers.code(),
                see = DiagnosticCode::TokenDiffers.see(),
                %audience,
                %difference,
                "STS minted something else than was asked for"
            );
        }
    }

    /// One line when the state changes, not one a try.
    fn report(&self, before: &Slot, after: &Slot) {
        let audience = self.shelf.audiences();
        match (before.failure(), after.failure()) {
            (None, None) if before.token().is_some() => tracing::debug!(%audience, "token renewed"),
            (None, None) => tracing::info!(%audience, "token obtained"),
            (Some(failure), None) => {
                tracing::info!(%audience, failures = failure.streak.total(), "token obtained again");
            }
            (Some(known), Some(news))
                if known.error.same_cause(&news.error)
                    && before.token().is_some() == after.token().is_some() => {}
            // The pace has told it once for all sets.
            (_, Some(news)) if *news.error == TokenError::TooManyAudiences => {}
            (_, Some(news)) => {
                let (error, hint) = (&news.error, news.error.hint());
                let (code, see) = (error.diagnostic().code(), error.diagnostic().see());
                let serving = after.token().is_some();
                if serving {
                    tracing::warn!(code, see, %audience, %error, hint, "token not renewed, the valid one is served meanwhile");
                } else {
                    tracing::error!(code, see, %audience, %error, hint, "no token");
                }
            }
        }
    }
}
