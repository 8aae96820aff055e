//! What an upstream says before it hangs up in the middle of an upload: `413`, and then nothing is read any more. hyper
//! gives up when it cannot write, and the answer that has already arrived would be lost.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose writing does not fail before its reading has come to an end.
pub struct LastWords<S> {
    stream: S,
    /// Nothing more will come from the other side.
    is_silent: bool,
}

impl<S> LastWords<S> {
    /// A connection that works in both directions.
    pub fn of(stream: S) -> Self {
        Self { stream, is_silent: false }
    }

    /// Takes a failure for a success, as long as there may be something to read. What is written then goes nowhere.
    fn hush<T>(&self, outcome: Poll<io::Result<T>>, success: T) -> Poll<io::Result<T>> {
        match ready!(outcome) {
            Err(_) if !self.is_silent => Poll::Ready(Ok(success)),
            outcome => Poll::Ready(outcome),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LastWords<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        let is_end = buffer.filled().len() == before && buffer.remaining() > 0;
        self.is_silent |= outcome.is_err() || is_end;
        Poll::Ready(outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LastWords<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.hush(written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.hush(written, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.hush(flushed, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
