//! The minor version of a message. HTTP/1.2 to HTTP/1.9 are parsed as HTTP/1.1, the highest supported minor version (RFC 9110,
//! section 2.5). httparse supports HTTP/1.0 and HTTP/1.1 only.

use super::error::Error;
use super::request_line::first_line;
use bytes::Bytes;

/// Returns the request header with version HTTP/1.1, where it has a later minor version.
///
/// # Errors
/// When the header has another major version.
pub(super) fn request_in_http_1_1(header: &Bytes) -> Result<Option<Bytes>, Error> {
    let line = first_line(header);
    match line {
        [.., b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'] => {
            Ok(Some(with_minor_version_1(header, line.len() - 1)))
        }
        [.., b' ', b'H', b'T', b'T', b'P', b'/', b'0' | b'2'..=b'9', b'.', b'0'..=b'9'] => {
            Err(Error::Version)
        }
        _ => Ok(None),
    }
}

/// Returns the response header with version HTTP/1.1, where it has a later minor version.
pub(super) fn response_in_http_1_1(header: &Bytes) -> Option<Bytes> {
    const MINOR: usize = b"HTTP/1.".len();
    let is_later = matches!(**header, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9', ..]);
    is_later.then(|| with_minor_version_1(header, MINOR))
}

fn with_minor_version_1(header: &[u8], at: usize) -> Bytes {
    let mut header = header.to_vec();
    header[at] = b'1';
    header.into()
}
