//! The streams of bytes that HTTP/1.1 is spoken over.

use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of bytes that HTTP can be spoken over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// The stream of a caller's connection.
pub trait CallerStream: Stream {
    /// When the connection is dropped, it is reset instead of closed, so that the caller sees an error.
    fn reset_when_dropped(&self);

    /// Why the connection has failed, where it has: a reset shows here also where nothing is read.
    fn failure(&self) -> Option<io::Error>;
}
