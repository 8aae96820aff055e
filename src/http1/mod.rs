//! HTTP/1.1 (RFC 9112) for a proxy. A connection that waits holds no buffer, a message is read into memory of its own length,
//! and a connection to an upstream has no task of its own. hyper's HTTP/1.1 does none of the three, so requests on the request
//! path do not use it. httparse parses headers; the types are those of the `http` crates.

/// The streams of bytes that HTTP/1.1 is spoken over.
pub mod stream;
/// How large a message's header may be.
pub mod limits;
/// Why a message or its connection failed.
pub mod error;
/// Reads from a connection.
mod read;
/// Writes to a connection.
mod write;
/// Determines where a message ends.
pub mod framing;
/// The value of a `Date` field.
mod date;
/// Lists of names in a field's value.
pub mod fields;
/// Field lines, read and written.
mod field_lines;
/// The first line of a request.
mod request_line;
/// The target of a request.
pub mod target;
/// The minor version of a message.
mod version;
/// The header of a request, read and written.
mod request;
/// The header of a response, read and written.
mod response;
/// Bodies in the chunked transfer coding.
mod chunked;
/// Reads the body of a message.
mod decode;
/// Writes the body of a message.
mod encode;
/// Writes a whole message.
mod send;
/// Sends requests to an upstream, one at a time.
pub mod client;
/// Serves the requests of a caller, one after the other.
pub mod server;
/// Tells a caller that waits for its response from one that has disconnected.
mod caller_end;
/// A caller's connection, shared by the server and the reader of a request's body.
mod conn_io;
/// The body of a caller's request.
pub mod request_body;
/// A stream whose first bytes have been read already.
pub mod rewind;

use http::HeaderMap;
use limits::{MAX_FIELDS, MAX_HEADER_BYTES};

/// Checks that fields of HTTP/2 are such as HTTP/1.1 allows, because the HTTP/2 library counts sizes in another way and takes a
/// quotation mark in a name, which is no character of a token (RFC 9110, section 5.6.2). `first_line` is the length of what
/// would be the first line of the header.
///
/// # Errors
/// When the header is larger than the limits, or a name is no token.
pub fn check_fields(headers: &HeaderMap, first_line: usize) -> Result<(), error::Error> {
    let fits =
        headers.len() <= MAX_FIELDS && first_line + field_lines::length_of(headers) <= MAX_HEADER_BYTES;
    if !fits {
        return Err(error::Error::HeaderTooLarge);
    }
    if headers.keys().any(|name| name.as_str().contains('"')) {
        return Err(error::Error::Malformed("header name"));
    }
    Ok(())
}
