//! Whether a connection is busy, idle or within a request's header, and for how long.
//!
//! hyper's own header timeout includes the idle time between two requests, so it would close a caller's idle connection after
//! seconds. Here the timeout of a header starts at its first byte.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// The shortest sleep while a connection is busy, so that a tiny timeout costs no CPU.
const MIN_SLEEP: Duration = Duration::from_millis(100);

/// The timeouts of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The timeout of a TLS handshake, and of a request's header from its first byte.
    pub header_read_timeout: Duration,
    /// The maximum time between two requests.
    pub idle_timeout: Duration,
}

/// Which timeout of a connection has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// That of a header which has begun and is incomplete.
    Header,
    /// That of the next request.
    Idle,
}

/// The activity of one connection. Clones refer to the same connection.
#[derive(Clone)]
pub struct Activity(Arc<State>);

struct State {
    opened: Instant,
    /// The number of requests whose response has not been sent to its end.
    busy: AtomicUsize,
    /// Milliseconds from `opened` to the end of the last request.
    quiet_since: AtomicU64,
    /// Milliseconds from `opened` to the first byte of a header, plus one; 0 outside a header.
    header_since: AtomicU64,
    /// The connection has had a request.
    asked: AtomicBool,
    first_request: Notify,
}

impl Activity {
    /// The activity of a connection that has just been opened.
    pub fn of_new_connection() -> Self {
        Self(Arc::new(State {
            opened: Instant::now(),
            busy: AtomicUsize::new(0),
            quiet_since: AtomicU64::new(0),
            header_since: AtomicU64::new(0),
            asked: AtomicBool::new(false),
            first_request: Notify::new(),
        }))
    }

    /// Records that a request's header is complete. The connection is busy until the guard is dropped.
    pub fn busy(&self) -> Busy {
        self.0.busy.fetch_add(1, Ordering::Relaxed);
        self.0.header_since.store(0, Ordering::Relaxed);
        if !self.0.asked.load(Ordering::Relaxed) {
            self.0.asked.store(true, Ordering::Relaxed);
            self.0.first_request.notify_one();
        }
        Busy(self.clone())
    }

    /// Resolves when the connection has had a request. Only one task may wait for this.
    pub async fn asked(&self) {
        if !self.0.asked.load(Ordering::Relaxed) {
            self.0.first_request.notified().await;
        }
    }

    /// Resolves when a timeout has passed.
    pub async fn expired(&self, limits: Limits) -> Expired {
        loop {
            let now = self.now();
            let header = self.0.header_since.load(Ordering::Relaxed);
            let quiet = self.0.quiet_since.load(Ordering::Relaxed);
            let rest = if self.0.busy.load(Ordering::Relaxed) > 0 {
                // The connection may become idle at any moment of this sleep.
                limits.header_read_timeout.min(limits.idle_timeout).max(MIN_SLEEP)
            } else if header > 0 {
                match rest_of(limits.header_read_timeout, now, header - 1) {
                    Some(rest) => rest,
                    None => return Expired::Header,
                }
            } else {
                match rest_of(limits.idle_timeout, now, quiet) {
                    // A header may begin during this sleep, so the sleep must not be longer than the timeout of a header.
                    Some(rest) => rest.min(limits.header_read_timeout),
                    None => return Expired::Idle,
                }
            };
            sleep(rest).await;
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Records that a part of a header has been received and the header is incomplete.
    pub fn header_begun(&self) {
        let state = &*self.0;
        if state.busy.load(Ordering::Relaxed) == 0 && state.header_since.load(Ordering::Relaxed) == 0 {
            state.header_since.store(self.now() + 1, Ordering::Relaxed);
        }
    }

    /// Records that the first bytes were the preface of HTTP/2, and no header.
    pub fn speaks_http2(&self) {
        self.0.header_since.store(0, Ordering::Relaxed);
    }
}

fn rest_of(limit: Duration, now: u64, since: u64) -> Option<Duration> {
    limit.checked_sub(Duration::from_millis(now.saturating_sub(since))).filter(|rest| !rest.is_zero())
}

/// A guard that keeps its connection busy.
pub struct Busy(Activity);

impl Busy {
    /// Another guard for the same connection.
    pub fn also(&self) -> Self {
        self.0.busy()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let state = &*self.0.0;
        state.quiet_since.store(self.0.now(), Ordering::Relaxed);
        state.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A response's body that keeps its connection busy until it has been sent or dropped.
pub struct BusyBody<B> {
    body: B,
    _busy: Busy,
}

impl<B> BusyBody<B> {
    /// Combines a body with a guard.
    pub fn new(body: B, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }

    /// The body.
    pub fn get_mut(&mut self) -> &mut B {
        &mut self.body
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for BusyBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
#[path = "activity_tests.rs"]
mod tests;
