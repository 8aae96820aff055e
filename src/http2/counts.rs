//! Detects floods of frames (RFC 9113, section 10.5): frames without content, such as SETTINGS, PING, PRIORITY, WINDOW_UPDATE
//! and empty DATA, and streams that are opened only to be reset, by the peer (CVE-2023-44487) or because of invalid frames that
//! the peer sends on them (CVE-2025-8671).

use super::frame_headers::{Frame, Kind, Passing};
use std::time::Duration;
use tokio::time::Instant;

/// The period for which frames and resets are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// The maximum number of frames without content in a window, in addition to those that useful frames allow.
const MAX_EMPTY_FRAMES: u32 = 1000;
/// The number of frames without content that each useful frame allows, in either direction: acknowledgements, window updates,
/// PINGs that measure the round trip.
const PER_USEFUL_FRAME: u32 = 10;
/// The number of streams that may be reset in a window, whatever their share, because callers' timeouts reset streams, and all of
/// them during an outage of an upstream. Beyond this number, resets of more than half of the streams are a flood.
const MAX_RESETS: u32 = 200;

/// The error codes of streams that are reset because of what the peer sent (RFC 9113, section 7).
const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const FRAME_SIZE_ERROR: u32 = 6;

/// The counts since the window began.
pub(super) struct Counts {
    since: Instant,
    empty: u32,
    opened: u32,
    resets: u32,
    last_stream: u32,
}

impl Counts {
    pub(super) fn begin(last_stream: u32) -> Self {
        Self { since: Instant::now(), empty: 0, opened: 0, resets: 0, last_stream }
    }

    /// The number of the last stream that was opened, or 0.
    pub(super) fn last_stream(&self) -> u32 {
        self.last_stream
    }

    /// Counts a received frame. Returns whether this is a flood.
    #[inline]
    pub(super) fn received(&mut self, frame: Frame) -> bool {
        match frame.kind {
            Kind::Headers if frame.stream > self.last_stream => self.opens(frame.stream),
            Kind::Data | Kind::Continuation if frame.length > 0 => self.useful(),
            Kind::Reset => self.resets += 1,
            // The frame that opened the stream has been counted, and trailers belong to it.
            Kind::Headers
            | Kind::Data
            | Kind::GoAway
            | Kind::WindowUpdate
            | Kind::Continuation
            | Kind::Other => {
                self.empty += 1;
            }
        }
        let (is_empty, is_reset) = (self.empty > MAX_EMPTY_FRAMES, self.resets > MAX_RESETS);
        if (is_empty || is_reset) && self.since.elapsed() > WINDOW {
            *self = Self::begin(self.last_stream);
            return false;
        }
        is_empty || (is_reset && self.resets > self.opened / 2)
    }

    /// Counts a sent frame.
    pub(super) fn sent(&mut self, passing: Passing) {
        match passing {
            Passing::Begun(frame) => match frame.kind {
                Kind::Headers if frame.stream > self.last_stream => self.opens(frame.stream),
                Kind::Data => self.useful(),
                Kind::Headers
                | Kind::Reset
                | Kind::GoAway
                | Kind::WindowUpdate
                | Kind::Continuation
                | Kind::Other => {}
            },
            // The peer does not cause resets for other reasons.
            Passing::ResetBy(PROTOCOL_ERROR | FLOW_CONTROL_ERROR | FRAME_SIZE_ERROR) => self.resets += 1,
            Passing::ResetBy(_) | Passing::Grants(_) | Passing::GoesAway(_) => {}
        }
    }

    fn opens(&mut self, stream: u32) {
        self.opened += 1;
        self.last_stream = stream;
        self.useful();
    }

    fn useful(&mut self) {
        self.empty = self.empty.saturating_sub(PER_USEFUL_FRAME);
    }
}

#[cfg(test)]
#[path = "counts_tests.rs"]
mod tests;
