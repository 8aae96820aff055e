//! Reads and discards for a while what a caller still sends, before a connection that has ended is closed. If bytes were unread when
//! a connection is closed, the system would reset it, and the caller's might discard the GOAWAY that says why (RFC 9112, section
//! 9.6, has the same for HTTP/1.1).

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long the caller has to close its end.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// The end of a connection on which nothing more is written.
pub(super) struct Lingering {
    end: Pin<Box<Sleep>>,
    is_shut: bool,
}

impl Lingering {
    pub(super) fn begin() -> Self {
        Self { end: Box::pin(sleep(LINGER_TIMEOUT)), is_shut: false }
    }

    /// Closes this end of the connection. Resolves when the caller has closed the other, or has had its time.
    pub(super) fn poll<S>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut room = [0; 1024];
        while self.end.as_mut().poll(context).is_pending() {
            // A failure shows when reading, too.
            self.is_shut |= !self.is_shut && Pin::new(&mut *stream).poll_shutdown(context).is_ready();
            let mut buffer = ReadBuf::new(&mut room);
            let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(())
    }
}
