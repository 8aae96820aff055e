//! Whether a connection is busy, idle, or in the middle of a request's header, and for how long.
//!
//! hyper's own header timeout also counts the quiet time between two requests, so a caller that keeps a connection for
//! later would lose it after seconds. Here the clock of a header starts at its first byte.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep};

/// How HTTP/2 begins (RFC 9113, section 3.4), and no request of HTTP/1.1.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// How long callers may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For a TLS handshake, and for a request's header from its first byte.
    pub header_read_timeout: Duration,
    /// Between two requests.
    pub idle_timeout: Duration,
}

/// What a connection is out of time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// A header that was begun and not ended.
    Header,
    /// The next request.
    Idle,
}

/// What one connection is doing. Cloning is cheap and gives the same connection.
#[derive(Clone)]
pub struct Activity(Arc<State>);

struct State {
    opened: Instant,
    /// Requests whose response is not yet sent.
    busy: AtomicUsize,
    /// Milliseconds from `opened` to the moment since which nothing has been going on.
    quiet_since: AtomicU64,
    /// Milliseconds from `opened` to the first byte of a header, and one; 0 while there is none.
    header_since: AtomicU64,
    /// HTTP/2 has frames that are no requests, so bytes say nothing about headers there.
    http2: AtomicBool,
}

impl Activity {
    /// A connection that has just been opened.
    pub fn of_new_connection() -> Self {
        Self(Arc::new(State {
            opened: Instant::now(),
            busy: AtomicUsize::new(0),
            quiet_since: AtomicU64::new(0),
            header_since: AtomicU64::new(0),
            http2: AtomicBool::new(false),
        }))
    }

    /// A request's header is complete. The connection is busy until the guard is dropped.
    pub fn busy(&self) -> Busy {
        self.0.busy.fetch_add(1, Ordering::Relaxed);
        self.0.header_since.store(0, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// Resolves when a limit has been passed.
    pub async fn expired(&self, limits: Limits) -> Expired {
        loop {
            let now = self.now();
            let header = self.0.header_since.load(Ordering::Relaxed);
            let quiet = self.0.quiet_since.load(Ordering::Relaxed);
            let rest = if self.0.busy.load(Ordering::Relaxed) > 0 {
                limits.header_read_timeout
            } else if header > 0 {
                match rest_of(limits.header_read_timeout, now, header - 1) {
                    Some(rest) => rest,
                    None => return Expired::Header,
                }
            } else {
                match rest_of(limits.idle_timeout, now, quiet) {
                    // A header may begin at any time, and must not be found begun for longer than it may last.
                    Some(rest) => rest.min(limits.header_read_timeout),
                    None => return Expired::Idle,
                }
            };
            sleep(rest).await;
        }
    }

    /// The connection's bytes, watched for the beginnings of headers.
    pub fn watch<S>(&self, stream: S) -> Watched<S> {
        Watched { stream, activity: self.clone(), opening: Opening::Preface(0) }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn bytes_read(&self, opening: Opening) {
        let state = &*self.0;
        if matches!(opening, Opening::Http2) {
            state.http2.store(true, Ordering::Relaxed);
            state.header_since.store(0, Ordering::Relaxed);
        }
        let between_requests =
            state.busy.load(Ordering::Relaxed) == 0 && state.header_since.load(Ordering::Relaxed) == 0;
        if between_requests && !state.http2.load(Ordering::Relaxed) {
            state.header_since.store(self.now() + 1, Ordering::Relaxed);
        }
    }
}

fn rest_of(limit: Duration, now: u64, since: u64) -> Option<Duration> {
    limit.checked_sub(Duration::from_millis(now.saturating_sub(since))).filter(|rest| !rest.is_zero())
}

/// Keeps its connection busy.
pub struct Busy(Activity);

impl Busy {
    /// Another guard, for something that goes on by itself.
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
    /// The body with its guard.
    pub fn new(body: B, busy: Busy) -> Self {
        Self { body, _busy: busy }
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

/// A connection's bytes, watched for the beginnings of headers.
pub struct Watched<S> {
    stream: S,
    activity: Activity,
    opening: Opening,
}

/// What a connection's first bytes say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    /// So many bytes of HTTP/2's preface have come, and no other.
    Preface(usize),
    Http2,
    Http1,
}

impl Opening {
    /// The first bytes may come one by one.
    fn after(self, bytes: &[u8]) -> Self {
        let Self::Preface(seen) = self else { return self };
        let wanted = PREFACE.get(seen..).unwrap_or_default();
        let length = wanted.len().min(bytes.len());
        if bytes[..length] != wanted[..length] {
            return Self::Http1;
        }
        if length == wanted.len() { Self::Http2 } else { Self::Preface(seen + length) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        if !read.is_empty() {
            self.opening = self.opening.after(read);
            self.activity.bytes_read(self.opening);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
#[path = "activity_tests.rs"]
mod tests;
