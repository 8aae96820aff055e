//! A failure that is logged once when it begins and once when it ends, although it may happen often in between.

use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A failure has ended when it has not happened for this long.
const QUIET_PERIOD: Duration = Duration::from_secs(10);

/// A failure that may happen again and again.
#[derive(Default)]
pub(super) struct Episode {
    times: u64,
    last: Option<Instant>,
}

impl Episode {
    /// Records that the failure has happened. Returns whether this is the first time.
    pub(super) fn happened(&mut self) -> bool {
        self.times += 1;
        self.last.replace(Instant::now()).is_none()
    }

    /// The time at which the failure will have ended, unless it happens again; `None` if it does not happen.
    pub(super) fn end(&self) -> Option<Instant> {
        self.last.map(|last| last + QUIET_PERIOD)
    }

    /// Ends the episode. Returns how many times the failure has happened.
    pub(super) fn finish(&mut self) -> u64 {
        std::mem::take(self).times
    }
}

/// Resolves at `moment`; never if it is `None`.
pub(super) async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_begins_once_and_ends_when_it_has_not_happened_for_a_while() {
        let mut episode = Episode::default();
        assert_eq!(episode.end(), None);
        assert!(episode.happened());
        tokio::time::sleep(QUIET_PERIOD / 2).await;
        assert!(!episode.happened());
        assert_eq!(episode.end(), Some(Instant::now() + QUIET_PERIOD));
        assert_eq!((episode.finish(), episode.end()), (2, None));
        assert!(episode.happened());
    }
}
