//! When a connection last brought something, which tells an upstream that is slow from a connection that is dead.

use super::message_error::MessageError;
use crate::http1::stream::Stream;
use crate::tls::error as tls_error;
use rustls::AlertDescription;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long the end of a connection is waited for once writing on it has failed.
const LAST_WORD_WITHIN: Duration = Duration::from_secs(1);

/// What has been heard on one connection. Cloning is cheap and gives the same.
#[derive(Clone)]
pub struct Heard(Arc<Moments>);

struct Moments {
    opened: Instant,
    /// When something last came, in nanoseconds after `opened`.
    last: AtomicU64,
    ended: AtomicBool,
    /// The alert of TLS that ended it. The HTTP/2 library passes on no more than its text.
    alert: OnceLock<AlertDescription>,
}

impl Heard {
    /// A connection on which something has just come.
    pub fn now() -> Self {
        let (opened, last, ended) = (Instant::now(), AtomicU64::default(), AtomicBool::default());
        Self(Arc::new(Moments { opened, last, ended, alert: OnceLock::new() }))
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

    /// Why a message on the connection failed.
    pub fn explain(&self, error: hyper::Error) -> MessageError {
        self.0.alert.get().map_or(MessageError::Http2(error), |alert| MessageError::alert(*alert))
    }

    fn note(&self, is_end: bool) {
        // Five centuries fit.
        let after = u64::try_from(self.0.opened.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.last.store(after, Ordering::Relaxed);
        if is_end {
            self.end();
        }
    }

    fn end(&self) {
        self.0.ended.store(true, Ordering::Release);
    }
}

/// A stream that notes what comes.
pub struct Listening {
    stream: Box<dyn Stream>,
    heard: Heard,
    broken: Option<Broken>,
}

/// Writing failed, which is told after the last of what came has been read.
struct Broken {
    error: io::Error,
    until: Pin<Box<Sleep>>,
}

impl Listening {
    /// Notes what comes on this stream.
    pub fn to(stream: Box<dyn Stream>, heard: Heard) -> Self {
        Self { stream, heard, broken: None }
    }

    /// Writes, or flushes. An upstream that ends a connection by an alert closes it at once, so that writing may fail before
    /// the alert is read: the runtime does not know yet that there is something to read.
    fn poll_out<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut dyn Stream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut broken = match self.broken.take() {
            Some(broken) => broken,
            None => match write(Pin::new(&mut *self.stream), context) {
                Poll::Ready(Err(error)) => Broken { error, until: Box::pin(sleep(LAST_WORD_WITHIN)) },
                written @ (Poll::Ready(Ok(_)) | Poll::Pending) => return written,
            },
        };
        if self.poll_end(context).is_ready() || broken.until.as_mut().poll(context).is_ready() {
            self.heard.end();
            return Poll::Ready(Err(broken.error));
        }
        self.broken = Some(broken);
        Poll::Pending
    }

    /// Reads to the end. Nothing waits for what it reads once writing has failed.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut room = [0; 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut room);
            if ready!(Pin::new(&mut *self).poll_read(context, &mut buffer)).is_err()
                || buffer.filled().is_empty()
            {
                return Poll::Ready(());
            }
        }
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
        if let Some(alert) = read.as_ref().err().and_then(tls_error::alert) {
            // The first is the last, too.
            let _ = self.heard.0.alert.set(alert);
        }
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
        self.poll_out(context, |stream, context| stream.poll_write(context, data))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_out(context, |stream, context| stream.poll_write_vectored(context, data))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_out(context, |stream, context| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
