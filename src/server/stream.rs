//! The socket of a caller's connection, TCP or Unix.

use crate::http1::stream::CallerStream;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// The socket of a caller's connection. It is one type for both kinds, so that the code that uses it is compiled once.
pub enum Stream {
    /// A TCP connection.
    Tcp(TcpStream),
    /// A Unix socket's connection.
    Unix(UnixStream),
}

impl Stream {
    /// Disables Nagle's algorithm, which delays a small write until the previous one has been acknowledged.
    ///
    /// # Errors
    /// When the connection has failed already.
    pub fn send_at_once(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nodelay(true),
            Self::Unix(_) => Ok(()),
        }
    }

    /// Whether the caller connected to a loopback address.
    pub fn is_on_loopback(&self) -> bool {
        match self {
            Self::Tcp(stream) => {
                stream.local_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback())
            }
            Self::Unix(_) => false,
        }
    }
}

impl CallerStream for Stream {
    /// A Unix socket has no reset, so its connection is closed.
    fn reset_when_dropped(&self) {
        if let Self::Tcp(stream) = self {
            // This fails only if the connection has failed already.
            let _ = stream.set_zero_linger();
        }
    }

    fn failure(&self) -> Option<io::Error> {
        match self {
            Self::Tcp(stream) => stream.take_error(),
            Self::Unix(stream) => stream.take_error(),
        }
        .unwrap_or_else(Some)
    }
}

/// The connection is dropped without a `close_notify` alert, so the caller sees that it was truncated.
impl CallerStream for TlsStream<Stream> {
    fn reset_when_dropped(&self) {
        self.get_ref().0.reset_when_dropped();
    }

    fn failure(&self) -> Option<io::Error> {
        self.get_ref().0.failure()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
