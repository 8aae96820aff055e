//! A failure that is logged once when it begins and once when it ends, however often it happens in between.

use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A failure is over when it has not happened for this long.
const CALM: Duration = Duration::from_secs(10);

/// A failure that may happen again and again.
#[derive(Default)]
pub(super) struct Episode {
    times: u64,
    last: Option<Instant>,
}

impl Episode {
    /// It has happened. Whether that is the first time.
    pub(super) fn happened(&mut self) -> bool {
        self.times += 1;
        self.last.replace(Instant::now()).is_none()
    }

    /// When it will be over, unless it happens again; `None` while it does not happen.
    pub(super) fn end(&self) -> Option<Instant> {
        self.last.map(|last| last + CALM)
    }

    /// It is over. How many times it happened.
    pub(super) fn finish(&mut self) -> u64 {
        std::mem::take(self).times
    }
}

/// Resolves at that moment; never where there is none.
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
        tokio::time::sleep(CALM / 2).await;
        assert!(!episode.happened());
        assert_eq!(episode.end(), Some(Instant::now() + CALM));
        assert_eq!((episode.finish(), episode.end()), (2, None));
        assert!(episode.happened());
    }
}
