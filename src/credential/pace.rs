//! How many tokens of new audience sets are asked of STS in a time. Callers of a shared proxy choose the audiences, and
//! everything else in the AWS account shares the quota of STS.

use super::error::CredentialError;
use crate::diagnostics::DiagnosticCode;
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// One call in this time, 100 a second, in the long run: a sixth of the requests that STS grants an account in a region
/// ("IAM and AWS STS quotas").
const INTERVAL: Duration = Duration::from_millis(10);
/// The fewest and the most calls at once. A proxy with no more audience sets begins as fast as STS answers.
const MIN_BURST: usize = 100;
const MAX_BURST: usize = 1000;
/// A wait of this length is worth a line in the log.
const LONG_WAIT: Duration = Duration::from_secs(1);
/// How long the log does not repeat it.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Hands out turns to call STS, in the order in which they are asked for.
pub(super) struct Pace {
    burst: Duration,
    state: Mutex<State>,
}

struct State {
    /// When a call would be due if calls came evenly, one in each interval.
    due: Instant,
    told: Option<Instant>,
}

impl Pace {
    /// At most `capacity` audience sets are held, and so many are fetched at once where that is neither few nor many.
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        let calls = capacity.get().clamp(MIN_BURST, MAX_BURST);
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let state = State { due: Instant::now(), told: None };
        Self { burst: INTERVAL.saturating_mul(calls), state: Mutex::new(state) }
    }

    /// Resolves when the next call may be made. A caller that gives up waiting uses no turn.
    pub(super) async fn turn(&self) {
        // Callers that wait for the lock come behind the one that waits for its turn.
        let mut state = self.state.lock().await;
        let ahead = state.due.saturating_duration_since(Instant::now());
        let wait = (ahead + INTERVAL).saturating_sub(self.burst);
        if wait > LONG_WAIT {
            state.tell();
        }
        if !wait.is_zero() {
            sleep(wait).await;
        }
        state.due = state.due.max(Instant::now()) + INTERVAL;
    }
}

impl State {
    fn tell(&mut self) {
        if self.told.is_some_and(|told| told.elapsed() < TELL_EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        tracing::warn!(
            code = DiagnosticCode::TooManyAudiences.code(),
            see = DiagnosticCode::TooManyAudiences.see(),
            hint = CredentialError::TooManyAudiences.hint(),
            "requests for new audiences wait, since STS is asked for 100 of them a second"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn after_a_burst_turns_come_a_hundred_a_second() {
        let pace = Pace::new(NonZeroUsize::new(200).unwrap());
        let began = Instant::now();
        for _ in 0..200 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        for _ in 0..100 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed().as_millis(), 1000);
        sleep(Duration::from_secs(60)).await;
        let began = Instant::now();
        for _ in 0..201 {
            pace.turn().await;
        }
        assert_eq!(began.elapsed(), INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_gives_up_uses_no_turn() {
        let pace = Pace::new(NonZeroUsize::MIN);
        for _ in 0..MIN_BURST {
            pace.turn().await;
        }
        for _ in 0..5 {
            assert!(timeout(INTERVAL / 10, pace.turn()).await.is_err());
        }
        let began = Instant::now();
        pace.turn().await;
        assert!(began.elapsed() <= INTERVAL);
    }
}
