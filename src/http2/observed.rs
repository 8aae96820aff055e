//! What is observed of the frames on a connection to an upstream, below the HTTP/2 library.

use super::flushes::Flushes;
use super::frame_headers::Passing;
use super::send_window::SendWindow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of streams that may be reset on a connection before it is used for no further requests. Upstreams end a connection on
/// which many are (CVE-2023-44487), and with it other requests: some after 200 in all, if these are more than half of the
/// streams.
const MAX_RESETS: u32 = 100;

/// The observations of one connection. Clones refer to the same connection.
#[derive(Clone, Default)]
pub struct Observed {
    /// When what is sent is written.
    pub flushes: Flushes,
    /// How much of bodies may be sent.
    pub window: SendWindow,
    resets: Arc<AtomicU32>,
}

impl Observed {
    /// Whether so many streams have been reset that the upstream may end the connection soon.
    pub fn has_many_resets(&self) -> bool {
        self.resets.load(Ordering::Relaxed) >= MAX_RESETS
    }

    /// Notes what is sent.
    pub(super) fn sent(&self, passing: Passing) {
        self.window.sent(passing);
        match passing {
            Passing::ResetBy(_) => {
                self.resets.fetch_add(1, Ordering::Relaxed);
            }
            Passing::Begun(_) | Passing::Grants(_) | Passing::GoesAway(_) => {}
        }
    }
}
