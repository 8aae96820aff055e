//! The stream of a connection: it notes when a header begins, and gives up a client that does not read its response.

use crate::activity::{Activity, Busy};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long a response may take from the moment at which the client first did not take it at once.
const TIME_TO_READ: Duration = Duration::from_secs(30);

/// A stream that fails when a response is not taken in time. Until it is taken, the connection is busy and nothing is read from
/// it, so that a client cannot fill the memory with responses by requests that it sends one after the other.
pub(super) struct ObservedStream<S> {
    stream: S,
    activity: Activity,
    /// Present while the client has not taken what is to be sent.
    unsent: Option<Unsent>,
}

struct Unsent {
    deadline: Pin<Box<Sleep>>,
    _busy: Busy,
}

impl<S> ObservedStream<S> {
    pub(super) fn new(stream: S, activity: Activity) -> Self {
        Self { stream, activity, unsent: None }
    }

    /// Passes on the outcome of a write. One that has to wait fails when the time is over.
    fn poll_in_time(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            return written;
        }
        let activity = &self.activity;
        let unsent = self.unsent.get_or_insert_with(|| Unsent {
            deadline: Box::pin(sleep(TIME_TO_READ)),
            _busy: activity.busy(),
        });
        unsent.deadline.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ObservedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unsent.is_some() {
            // The flush that ends this wakes the task.
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            // Within a request, which is busy, this is noted by no clock.
            self.activity.header_begun();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ObservedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.poll_in_time(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.poll_in_time(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes the stream when it has written all that it held.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unsent.take().is_some() {
            context.waker().wake_by_ref();
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn what_is_not_read_in_time_breaks_the_connection() {
        let (_client, ours) = duplex(10);
        let mut stream = ObservedStream::new(ours, Activity::of_new_connection());
        let error = stream.write_all(&[0; 11]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_read_until_what_was_written_has_been_taken() {
        let (mut client, ours) = duplex(10);
        let mut stream = ObservedStream::new(ours, Activity::of_new_connection());
        client.write_all(b"GET").await.unwrap();
        assert!(timeout(TIME_TO_READ / 2, stream.write_all(&[0; 11])).await.is_err());
        assert!(timeout(TIME_TO_READ / 2, stream.read_u8()).await.is_err());
        client.read_exact(&mut [0; 10]).await.unwrap();
        stream.write_all(&[0]).await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'G');
    }
}
