//! HTTP/1.1 (RFC 9112) as a proxy needs it. A connection that waits holds no buffer, and a message is read into a piece of
//! memory of its own length: this, and no task of its own for a connection to an upstream, is why hyper's HTTP/1.1 is not
//! used on the way of a request. Syntax is httparse's to judge, types are those of the `http` crates.

/// What goes wrong with a message or its connection.
pub mod error;
/// What comes from the other side.
mod read;
/// What waits to be written.
mod write;
/// Where a message ends.
pub mod framing;
/// The time of day.
mod date;
/// Lists of names in a header's value.
pub mod fields;
/// The target of a request.
pub mod target;
/// The minor version of a message.
mod version;
/// The header of a request, read and written.
mod request;
/// The header of a response, read and written.
mod response;
/// Bodies in chunks.
mod chunked;
/// A body that comes in.
mod decode;
/// A body that goes out.
mod encode;
/// A whole message that goes out.
mod send;
/// Requests to an upstream, one at a time.
pub mod client;
/// Requests of a caller, one after the other.
pub mod server;
/// A caller's connection, shared by its server and the reader of a body.
mod wire;
/// The body of a caller's request.
pub mod request_body;
/// A stream whose first bytes have been read already.
pub mod rewind;

use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncWrite};

/// The most bytes of a message's header, or of its trailers, in both directions and in every version of HTTP.
pub const MOST_HEADER: usize = 128 * 1024;
/// The most fields of a header, or of trailers.
pub const MOST_FIELDS: usize = 500;
/// The same as HTTP/2 counts it: 32 bytes more for each field (RFC 9113, section 6.5.2).
pub const MOST_HEADER_LIST: u32 = (MOST_HEADER + 32 * MOST_FIELDS) as u32;

/// Holds a header of HTTP/2, whose library counts in another way, to the same limits. Beside its fields it has a first line
/// of so many bytes.
///
/// # Errors
/// When it is larger.
pub fn check_size(headers: &HeaderMap, first_line: usize) -> Result<(), error::Error> {
    let fits = headers.len() <= MOST_FIELDS && first_line + request::length_of(headers) <= MOST_HEADER;
    if fits { Ok(()) } else { Err(error::Error::HeaderTooLarge) }
}

/// What HTTP can be spoken over.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// What a caller's HTTP can be spoken over.
pub trait CallerStream: Stream {
    /// Has the caller see a reset, and no end, when the connection is dropped.
    fn reset_when_dropped(&self);
}
