//! When a connection last brought something, which tells an upstream that is slow from a connection that is dead.

use crate::http1::Stream;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What has been heard on one connection. Cloning is cheap and gives the same.
#[derive(Clone)]
pub struct Heard(Arc<Moments>);

struct Moments {
    opened: Instant,
    /// When something last came, in nanoseconds after `opened`.
    last: AtomicU64,
    ended: AtomicBool,
}

impl Heard {
    /// A connection on which something has just come.
    pub fn now() -> Self {
        let (opened, last, ended) = (Instant::now(), AtomicU64::default(), AtomicBool::default());
        Self(Arc::new(Moments { opened, last, ended }))
    }

    /// Whether something has come at this moment or later.
    pub fn is_since(&self, moment: Instant) -> bool {
        let after = u64::try_from(moment.saturating_duration_since(self.0.opened).as_nanos());
        self.0.last.load(Ordering::Relaxed) >= after.unwrap_or(u64::MAX)
    }

    /// Whether the upstream has closed or reset the connection, so that nothing more will come.
    pub fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }

    fn note(&self, is_end: bool) {
        // Five centuries fit.
        let after = u64::try_from(self.0.opened.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.last.store(after, Ordering::Relaxed);
        if is_end {
            self.0.ended.store(true, Ordering::Release);
        }
    }
}

/// A stream that notes what comes.
pub struct Listening {
    stream: Box<dyn Stream>,
    heard: Heard,
}

impl Listening {
    /// Notes what comes on this stream.
    pub fn to(stream: Box<dyn Stream>, heard: Heard) -> Self {
        Self { stream, heard }
    }
}

impl AsyncRead for Listening {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        self.heard.note(read.is_err() || buffer.filled().len() == before);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Listening {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, data)
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
