//! Tells a caller that has sent its last byte and waits for the response from one that has disconnected (RFC 9112, section 9.6).

use super::decode::Decoder;
use super::read::ReadBuffer;
use super::request;
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

/// How long after a whole request the end of the caller's half of the connection belongs to that request. The two are separate
/// packets even where the caller sends one right after the other.
pub(super) const HALF_CLOSE_GRACE: Duration = Duration::from_millis(20);

/// What is known of the caller's end of the connection while its request is answered.
#[derive(Clone, Copy)]
pub(super) enum CallerEnd {
    /// Nothing has been read since the request.
    Unseen,
    /// The connection was open after the request. What has been read of it since had come by this time.
    Open { since: Instant },
    /// The caller has sent its last byte and waits for the response.
    HalfClosed,
    /// The body broke off, or is no body, and its reader knows that. The response says so.
    Broken,
}

/// Whether a caller that ends its half of the connection waits for responses, where its last request does not say so.
/// `since` is when the last bytes had come, if there were none in this read; `held` are the requests that wait.
pub(super) fn is_half_close(since: Option<Instant>, held: &Bytes) -> bool {
    since.is_none_or(|since| since.elapsed() < HALF_CLOSE_GRACE) || holds_last_request(held)
}

/// Whether one of the requests that wait has `Connection: close`, or is of HTTP/1.0, and all up to it are complete.
fn holds_last_request(held: &Bytes) -> bool {
    let mut waiting = ReadBuffer::new(held.clone());
    while let Ok(Some(head)) = request::read(&mut waiting) {
        if !Decoder::from(head.length).ends_within(waiting.held()) {
            return false;
        }
        if !head.keep_alive {
            return true;
        }
    }
    false
}
