//! A connection's bytes: watched for the beginnings of headers, and looked at first for which HTTP they are.

use super::activity::Activity;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// How HTTP/2 begins (RFC 9113, section 3.4), and no request of HTTP/1.1.
const PREFACE: [u8; 14] = *b"PRI * HTTP/2.0";

/// What a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 or older, or nothing that anybody knows.
    Http1,
    /// HTTP/2.
    Http2,
}

/// A connection's bytes.
pub struct Watched<S> {
    stream: S,
    activity: Activity,
    /// What was read to learn the protocol: the first `read` bytes, of which `given` have been read once more.
    ahead: [u8; PREFACE.len()],
    read: usize,
    given: usize,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, activity: Activity) -> Self {
        Self { stream, activity, ahead: [0; PREFACE.len()], read: 0, given: 0 }
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// What the caller speaks, as soon as its first bytes tell. They may come one by one, and are there to be read again.
    ///
    /// # Errors
    /// When the connection breaks first.
    pub async fn protocol(&mut self) -> io::Result<Protocol> {
        while self.ahead[..self.read] == PREFACE[..self.read] {
            let Some(rest) = self.ahead.get_mut(self.read..).filter(|rest| !rest.is_empty()) else {
                self.activity.speaks_http2();
                return Ok(Protocol::Http2);
            };
            match self.stream.read(rest).await? {
                0 => break,
                more => self.read += more,
            }
            self.activity.bytes_read();
        }
        Ok(Protocol::Http1)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let ahead = &this.ahead[this.given..this.read];
        let again = ahead.len().min(buffer.remaining());
        buffer.put_slice(&ahead[..again]);
        this.given += again;
        let outcome = Pin::new(&mut this.stream).poll_read(context, buffer);
        if buffer.filled().len() > before + again {
            this.activity.bytes_read();
        }
        // Together with what has come behind them, so that a request that came whole is read whole.
        if again > 0 && outcome.is_pending() { Poll::Ready(Ok(())) } else { outcome }
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
mod tests {
    use super::*;
    use tokio::io::{AsyncWriteExt, duplex};

    /// What these bytes open, sent part by part, and everything that is read after it was told.
    async fn opened_by(parts: &[&str]) -> (Protocol, String) {
        let (mut caller, ours) = duplex(1024);
        let mut watched = Activity::of_new_connection().watch(ours);
        let sending = async {
            for part in parts {
                caller.write_all(part.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            caller.shutdown().await.unwrap();
        };
        let (protocol, ()) = tokio::join!(watched.protocol(), sending);
        let mut read = String::new();
        watched.read_to_string(&mut read).await.unwrap();
        (protocol.unwrap(), read)
    }

    #[tokio::test]
    async fn the_first_bytes_tell_the_protocol_and_are_read_again() {
        let cases: [(&[&str], Protocol); 7] = [
            (&["GET / HTTP/1.1\r\n\r\n"], Protocol::Http1),
            (&["P", "OST / HTTP/1.1\r\n\r\n"], Protocol::Http1),
            (&["PRI", " * HTTP/1.1\r\n\r\n"], Protocol::Http1),
            (&["PRI * HTTP/"], Protocol::Http1),
            (&[""], Protocol::Http1),
            (&["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], Protocol::Http2),
            (&["P", "RI * HT", "TP/2.0", "\r\n\r\nSM\r\n\r\n"], Protocol::Http2),
        ];
        for (parts, protocol) in cases {
            assert_eq!(opened_by(parts).await, (protocol, parts.concat()), "{parts:?}");
        }
    }

    #[tokio::test]
    async fn a_request_that_came_whole_is_read_at_once() {
        let (mut caller, ours) = duplex(1024);
        let mut watched = Activity::of_new_connection().watch(ours);
        caller.write_all(b"GET / HTTP/1.1\r\nHost: proxy\r\n\r\n").await.unwrap();
        watched.protocol().await.unwrap();
        let mut buffer = [0; 1024];
        assert_eq!(watched.read(&mut buffer).await.unwrap(), 31);
    }
}
