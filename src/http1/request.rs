//! The header of a request, read and written.

use super::error::Error;
use super::field_lines::{length_of, read_fields, write_fields};
use super::fields::lists;
use super::framing::{self, Length};
use super::limits::{MAX_FIELDS, MAX_HEADER_BYTES, MAX_TARGET_BYTES};
use super::read::ReadBuffer;
use super::request_line::first_line;
use super::target::{self, path_and_query};
use super::version::request_in_http_1_1;
use bytes::{Buf, Bytes};
use http::header::{EXPECT, TE, UPGRADE};
use http::{Method, Request, Uri, Version};
use httparse::Status;
use std::mem::MaybeUninit;

/// The header of a received request, and what it states about its body and its connection.
pub(super) struct RequestHead {
    pub(super) request: Request<()>,
    pub(super) length: Length,
    pub(super) keep_alive: bool,
    /// The caller sends the body after `100 Continue` (RFC 9110, section 10.1.1).
    pub(super) expects_continue: bool,
    pub(super) wants_upgrade: bool,
    pub(super) takes_trailers: bool,
}

/// Parses the header at the beginning of the buffer and removes it; returns `None` while the header is incomplete.
pub(super) fn read(buffer: &mut ReadBuffer) -> Result<Option<RequestHead>, Error> {
    skip_empty_lines(buffer.held());
    if buffer.is_empty() {
        return Ok(None);
    }
    let bytes = buffer.held().clone();
    let read = match read_one(&bytes, None) {
        Err(Error::Malformed(why)) => match request_in_http_1_1(&bytes)? {
            Some(bytes) => read_in_ascii(&bytes, read_one(&bytes, None)),
            None => read_in_ascii(&bytes, Err(Error::Malformed(why))),
        },
        read => read,
    };
    let Some((request, length)) = read? else { return Ok(None) };
    buffer.held().advance(length);
    about(request).map(Some)
}

/// A complete header and its length in bytes; `None` while the header is incomplete.
type Whole = Result<Option<(Request<()>, usize)>, Error>;

/// Parses a malformed header again with an ASCII target, because httparse rejects a target that is not UTF-8.
fn read_in_ascii(bytes: &Bytes, read: Whole) -> Whole {
    match read {
        Err(Error::Malformed(why)) => match target::in_ascii(bytes) {
            Some((ascii, target)) => read_one(&ascii, Some(target)),
            None => Err(target::odd_byte(bytes).map_or(Error::Malformed(why), Error::TargetByte)),
        },
        read => read,
    }
}

/// Parses a header. `original` is its target as it was received, where the target in `bytes` has been replaced.
fn read_one(bytes: &Bytes, original: Option<Bytes>) -> Whole {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let length = match parsed.parse_with_uninit_headers(bytes, &mut fields)? {
        Status::Complete(length) if length <= MAX_HEADER_BYTES => length,
        Status::Partial if bytes.len() < MAX_HEADER_BYTES => return Ok(None),
        Status::Complete(_) | Status::Partial => return Err(too_large(bytes)),
    };
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(Error::Malformed("request line"));
    };
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|_| Error::Malformed("method"))?;
    *request.version_mut() = if version == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    let target = original.unwrap_or_else(|| bytes.slice_ref(target.as_bytes()));
    target::read(target, &mut request)?;
    read_fields(request.headers_mut(), bytes, parsed.headers)?;
    Ok(Some((request, length)))
}

/// The error for a header over the limit: the target is too long if its line exceeds the limit before any field begins
/// (RFC 9112, section 3).
fn too_large(bytes: &[u8]) -> Error {
    if first_line(bytes).len() > MAX_TARGET_BYTES { Error::TargetTooLong } else { Error::HeaderTooLarge }
}

/// Method and path of a rejected request, as far as they can be parsed. A dash stands for what cannot.
pub(super) fn told(bytes: &[u8]) -> Request<()> {
    let mut words = first_line(bytes).split(|byte| *byte == b' ');
    let mut request = Request::new(());
    let method = words.next().and_then(|method| Method::from_bytes(method).ok());
    *request.method_mut() = method.unwrap_or_else(|| Method::from_bytes(b"-").expect("a dash is a token"));
    *request.uri_mut() = words.next().and_then(target::told).unwrap_or_else(|| Uri::from_static("-"));
    request
}

/// Removes empty lines before a header, which some clients send after a body (RFC 9112, section 2.2). A CR alone is no line: it
/// stays and makes the header malformed.
fn skip_empty_lines(held: &mut Bytes) {
    while let Some(end) = [&b"\n"[..], b"\r\n"].into_iter().find(|end| held.starts_with(end)) {
        held.advance(end.len());
    }
}

/// Formats the header of a request to an upstream, or of a `CONNECT` to an HTTP proxy. Of the target the first has path and query
/// only, and the second host and port (RFC 9112, section 3.2).
pub(super) fn written<T>(head: &Request<T>) -> Vec<u8> {
    let (method, headers) = (head.method().as_str(), head.headers());
    let target = match head.uri().authority() {
        Some(authority) if *head.method() == Method::CONNECT => authority.as_str().as_bytes(),
        Some(_) | None => path_and_query(head),
    };
    let mut text = Vec::with_capacity(method.len() + target.len() + 16 + length_of(headers));
    text.extend_from_slice(method.as_bytes());
    text.push(b' ');
    text.extend_from_slice(target);
    text.extend_from_slice(b" HTTP/1.1\r\n");
    write_fields(headers, &mut text);
    text.extend_from_slice(b"\r\n");
    text
}

fn about(mut request: Request<()>) -> Result<RequestHead, Error> {
    let version = request.version();
    let (length, keep_alive) = framing::of_request(request.headers_mut(), version)?;
    let headers = request.headers();
    let is_new = version == Version::HTTP_11;
    let expects_continue = headers.get(EXPECT).is_some_and(|expected| {
        is_new && length != Length::Exact(0) && expected.as_bytes().eq_ignore_ascii_case(b"100-continue")
    });
    let wants_upgrade = is_new && headers.contains_key(UPGRADE);
    let takes_trailers = is_new && lists(headers, &TE, "trailers");
    Ok(RequestHead { request, length, keep_alive, expects_continue, wants_upgrade, takes_trailers })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: impl Into<Bytes>) -> Result<Option<(RequestHead, Bytes)>, Error> {
        let mut buffer = ReadBuffer::new(text.into());
        read(&mut buffer).map(|head| head.map(|head| (head, buffer.take())))
    }

    fn outcome(text: impl Into<Bytes>) -> &'static str {
        match read_all(text) {
            Ok(Some(_)) => "read",
            Ok(None) => "not whole",
            Err(Error::HeaderTooLarge) => "header too large",
            Err(Error::Version) => "another version",
            Err(_) => "malformed",
        }
    }

    #[test]
    fn a_header_is_read_and_what_is_behind_it_stays() {
        let text = "\r\nPOST http://a/b?c HTTP/1.1\r\nHost: a\r\nX-A:  1 \r\nx-a: 2\r\nte: trailers\r\n\
                    upgrade: x\r\nexpect: 100-Continue\r\ncontent-length: 4\r\n\r\nbody";
        let (head, rest) = read_all(text).unwrap().unwrap();
        assert_eq!(
            (head.request.method(), &head.request.uri().to_string()[..]),
            (&Method::POST, "http://a/b?c")
        );
        let values: Vec<_> = head.request.headers().get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!((head.length, head.keep_alive, rest), (Length::Exact(4), true, Bytes::from("body")));
        assert!(head.expects_continue && head.wants_upgrade && head.takes_trailers);
    }

    #[test]
    fn nothing_of_http_1_1_counts_in_http_1_0() {
        let text = "POST / HTTP/1.0\r\nte: trailers\r\nupgrade: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
        let (head, _) = read_all(text).unwrap().unwrap();
        assert!(!head.expects_continue && !head.wants_upgrade && !head.takes_trailers && !head.keep_alive);
    }

    #[test]
    fn what_is_no_header_is_refused_and_what_is_none_yet_is_waited_for() {
        for (text, expected) in [
            ("", "not whole"),
            ("\r\n\r\n", "not whole"),
            ("GET / HTTP/1.1\r\n", "not whole"),
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", "read"),
            ("\n\r\n\nGET / HTTP/1.1\r\n\r\n", "read"),
            ("\r", "not whole"),
            ("\rGET / HTTP/1.1\r\n\r\n", "malformed"),
            ("\r\r\nGET / HTTP/1.1\r\n\r\n", "malformed"),
            ("\r\n\rGET / HTTP/1.1\r\n\r\n", "malformed"),
            ("GET / HTTP/1.2\r\nhost: a\r\n\r\n", "read"),
            ("GET /caf\u{e9} HTTP/1.9\r\nhost: a\r\n\r\n", "read"),
            ("GET / HTTP/1.2", "not whole"),
            ("GET / HTTP/1.23\r\n\r\n", "malformed"),
            ("GET / HTTP/1.2 x\r\n\r\n", "malformed"),
            ("GET  / HTTP/1.2\r\n\r\n", "malformed"),
            ("GET / HTTP/1.x\r\n\r\n", "malformed"),
            ("GET / HTTP/0.9\r\n\r\n", "another version"),
            ("GET / HTTP/2.0\r\n\r\n", "another version"),
            ("GET / HTTP/3.0\r\n\r\n", "another version"),
            ("GET / HTTP/20.0\r\n\r\n", "malformed"),
            ("GET / XHTTP/2.0\r\n\r\n", "malformed"),
            ("GET /\r\n\r\n", "malformed"),
            ("GET  / HTTP/1.1\r\n\r\n", "malformed"),
            ("G@T / HTTP/1.1\r\n\r\n", "malformed"),
            ("GET / HTTP/1.1\r\na b: c\r\n\r\n", "malformed"),
            ("GET / HTTP/1.1\r\na : c\r\n\r\n", "malformed"),
            ("GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n", "malformed"),
            ("GET / HTTP/1.1\r\na: b\0\r\n\r\n", "malformed"),
        ] {
            assert_eq!(outcome(text), expected, "{text:?}");
        }
        let with = |fields: String| format!("GET / HTTP/1.1\r\n{fields}\r\n");
        assert_eq!(outcome(with("a: b\r\n".repeat(MAX_FIELDS))), "read");
        assert_eq!(outcome(with("a: b\r\n".repeat(MAX_FIELDS + 1))), "header too large");
        assert_eq!(outcome(with(format!("a: {}\r\n", "b".repeat(MAX_HEADER_BYTES)))), "header too large");
        assert_eq!(
            outcome(format!("GET / HTTP/1.1\r\na: {}", "b".repeat(MAX_HEADER_BYTES))),
            "header too large"
        );
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let text = "PUT /a%2Fb?c=%20&d HTTP/1.1\r\nhost: a\r\nx-a: 1\r\nx-b: k\u{e4}se\r\nx-a: \r\n\r\n";
        let (head, _) = read_all(text).unwrap().unwrap();
        let (again, rest) = read_all(written(&head.request)).unwrap().unwrap();
        assert!(rest.is_empty());
        assert_eq!(again.request.headers(), head.request.headers());
        assert_eq!((again.request.method(), again.request.uri()), (&Method::PUT, head.request.uri()));
    }
}
