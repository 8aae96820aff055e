//! The flow-control window of a connection for what is sent (RFC 9113, section 5.2), which all its streams share. An upload that
//! the peer does not read can use it up, and then the content of no other stream is sent.

use super::frame_headers::{Kind, Passing};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The size of the window at first, in bytes (RFC 9113, section 6.9.2).
const INITIAL: i64 = 65_535;
/// The least of the window for which the content of another stream is sent soon, in bytes.
const MIN_OPEN: i64 = 4 << 10;
/// How long a window is used up before the peer is considered not to read. A peer far away needs a part of it for each round trip.
const STALLED_AFTER: Duration = Duration::from_millis(500);
/// Stands for a window that is not used up.
const OPEN: u64 = u64::MAX;

/// The window of one connection. Clones refer to the same window.
#[derive(Clone)]
pub struct SendWindow(Arc<State>);

struct State {
    left: AtomicI64,
    created: Instant,
    /// When the window was used up, in milliseconds after `created`.
    used_up: AtomicU64,
}

impl Default for SendWindow {
    fn default() -> Self {
        let (left, used_up) = (AtomicI64::new(INITIAL), AtomicU64::new(OPEN));
        Self(Arc::new(State { left, created: Instant::now(), used_up }))
    }
}

impl SendWindow {
    /// How many bytes may be sent at this time.
    pub fn left(&self) -> i64 {
        self.0.left.load(Ordering::Relaxed)
    }

    /// Whether the content of another stream is sent soon.
    pub fn is_open(&self) -> bool {
        self.left() >= MIN_OPEN
    }

    /// Whether the window has been used up for so long that the peer is considered not to read.
    pub fn is_stalled(&self, now: Instant) -> bool {
        let used_up = self.0.used_up.load(Ordering::Relaxed);
        used_up != OPEN
            && now.duration_since(self.0.created) >= Duration::from_millis(used_up) + STALLED_AFTER
    }

    /// Takes what is sent from the window.
    pub(super) fn sent(&self, passing: Passing) {
        if let Passing::Begun(frame) = passing
            && frame.kind == Kind::Data
        {
            // A frame is of 16 MiB at most.
            self.change(-i64::try_from(frame.length).unwrap_or(i64::MAX));
        }
    }

    /// Adds what the peer grants to the window.
    pub(super) fn received(&self, passing: Passing) {
        match passing {
            Passing::Grants(bytes) => self.change(i64::from(bytes)),
            Passing::Begun(_) | Passing::ResetBy(_) | Passing::GoesAway(_) => {}
        }
    }

    fn change(&self, by: i64) {
        let before = self.0.left.fetch_add(by, Ordering::Relaxed);
        match (before >= MIN_OPEN, before.saturating_add(by) >= MIN_OPEN) {
            (true, false) => {
                let now = u64::try_from(self.0.created.elapsed().as_millis()).unwrap_or(OPEN);
                self.0.used_up.store(now, Ordering::Relaxed);
            }
            (false, true) => self.0.used_up.store(OPEN, Ordering::Relaxed),
            (true, true) | (false, false) => {}
        }
    }
}
