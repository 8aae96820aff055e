//! The header of a response, read and written.

use super::date::Date;
use super::encode::Encoder;
use super::error::Error;
use super::field_lines::{length_of, read_fields, write_field};
use super::framing::{self, Length};
use super::limits::{MAX_FIELDS, MAX_HEADER_BYTES};
use super::read::ReadBuffer;
use super::version::response_in_http_1_1;
use super::write::MAX_COPIED_BYTES;
use crate::clock::Clock;
use bytes::{Buf, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::response::Parts;
use http::{HeaderMap, Method, Response, StatusCode, Version};
use httparse::Status;
use std::cell::RefCell;
use std::mem::MaybeUninit;

thread_local! {
    static DATE_OF_THREAD: RefCell<Date> = RefCell::default();
}

/// The reason phrase of a response, where it is not the usual one of its status. It is an extension of the response.
#[derive(Clone, Debug)]
struct Reason(Bytes);

/// The header of a received response, and what it states about its body and its connection.
pub(super) struct ResponseHead {
    pub(super) response: Response<()>,
    pub(super) length: Length,
    pub(super) keep_alive: bool,
}

/// Parses the header at the beginning of the buffer and removes it; returns `None` while the header is incomplete. `method` is
/// that of the request. Interim responses (RFC 9110, section 15.2) are skipped, except `101 Switching Protocols`.
pub(super) fn read(buffer: &mut ReadBuffer, method: &Method) -> Result<Option<ResponseHead>, Error> {
    while !buffer.is_empty() {
        let Some(mut response) = read_one(buffer)? else { return Ok(None) };
        let (status, version) = (response.status(), response.version());
        let switches = status == StatusCode::SWITCHING_PROTOCOLS;
        if status.is_informational() && !switches {
            continue;
        }
        let length = framing::of_response(method, status, version, response.headers_mut())?;
        // After a 101 the connection has no more responses of HTTP/1.1, even if the request did not ask for the switch.
        let keep_alive = !switches && framing::is_kept_alive(response.headers(), version);
        return Ok(Some(ResponseHead { response, length, keep_alive }));
    }
    Ok(None)
}

fn read_one(buffer: &mut ReadBuffer) -> Result<Option<Response<()>>, Error> {
    let mut bytes = buffer.held().clone();
    if let Some(same) = response_in_http_1_1(&bytes) {
        bytes = same;
    }
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    // A proxy must remove whitespace between a field's name and the colon from a response (RFC 9112, section 5.1).
    let mut config = httparse::ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true);
    let outcome = config.parse_response_with_uninit_headers(&mut parsed, &bytes, &mut fields);
    let Status::Complete(length) = outcome? else {
        return if bytes.len() < MAX_HEADER_BYTES { Ok(None) } else { Err(Error::HeaderTooLarge) };
    };
    if length > MAX_HEADER_BYTES {
        return Err(Error::HeaderTooLarge);
    }
    let (Some(code), Some(version)) = (parsed.code, parsed.version) else {
        return Err(Error::Malformed("status line"));
    };
    let status = StatusCode::from_u16(code).map_err(|_| Error::Malformed("status"))?;
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.version_mut() = if version == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    if let Some(reason) = parsed.reason.filter(|reason| Some(*reason) != status.canonical_reason()) {
        response.extensions_mut().insert(Reason(bytes.slice_ref(reason.as_bytes())));
    }
    read_fields(response.headers_mut(), &bytes, parsed.headers)?;
    buffer.held().advance(length);
    Ok(Some(response))
}

/// What decides how a response to a caller is written, beside the response.
pub(super) struct Reply<'r> {
    /// The method of the request.
    pub(super) method: &'r Method,
    /// The version of the request.
    pub(super) version: Version,
    /// The request has `TE: trailers`.
    pub(super) takes_trailers: bool,
    /// The connection can serve another request.
    pub(super) keep_alive: bool,
}

impl Reply<'_> {
    /// Appends the header of a response to `text`. `length` is that of its body, if it is known. Returns how the body is
    /// written, and whether the connection can serve another request after it.
    pub(super) fn write(&self, head: &Parts, length: Option<u64>, text: &mut Vec<u8>) -> (Encoder, bool) {
        let encoder = self.encoder(head, length);
        let said_close = framing::is_kept_alive(&head.headers, Version::HTTP_11);
        let keep_alive = self.keep_alive && said_close && !matches!(encoder, Encoder::UntilClose);
        let body =
            length.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX).min(MAX_COPIED_BYTES));
        text.reserve(128 + length_of(&head.headers) + body);
        self.write_status_line(head, text);
        let switches = head.status == StatusCode::SWITCHING_PROTOCOLS;
        // Unlike a 304 or a response to HEAD, these must not state a length (RFC 9110, section 8.6).
        let has_no_length = switches || head.status == StatusCode::NO_CONTENT;
        for (name, value) in &head.headers {
            let is_out_of_place = match *name {
                CONNECTION => !(switches || head.headers.contains_key(UPGRADE)),
                CONTENT_LENGTH => has_no_length,
                TRANSFER_ENCODING => true,
                _ => false,
            };
            if !is_out_of_place {
                write_field(name, value, text);
            }
        }
        write_length(head, encoder, length, text);
        match self.version {
            _ if switches => {}
            Version::HTTP_10 if keep_alive => text.extend_from_slice(b"Connection: keep-alive\r\n"),
            _ if keep_alive => {}
            _ => text.extend_from_slice(b"Connection: close\r\n"),
        }
        write_date(&head.headers, text);
        text.extend_from_slice(b"\r\n");
        (encoder, keep_alive)
    }

    fn encoder(&self, head: &Parts, length: Option<u64>) -> Encoder {
        if *self.method == Method::HEAD || !framing::may_have_body(head.status) {
            return Encoder::Nothing;
        }
        match length {
            Some(length) => Encoder::Exact(length),
            None if self.version == Version::HTTP_11 => {
                let is_announced = head.headers.contains_key(TRAILER);
                Encoder::Chunked { trailers: self.takes_trailers || is_announced }
            }
            None => Encoder::UntilClose,
        }
    }

    /// Appends the status line. A response to a request in HTTP/1.0 is in HTTP/1.0 too.
    fn write_status_line(&self, head: &Parts, text: &mut Vec<u8>) {
        let version: &[u8] = if self.version == Version::HTTP_10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " };
        text.extend_from_slice(version);
        text.extend_from_slice(head.status.as_str().as_bytes());
        text.push(b' ');
        match head.extensions.get::<Reason>() {
            Some(Reason(reason)) => text.extend_from_slice(reason),
            None => text.extend_from_slice(head.status.canonical_reason().unwrap_or_default().as_bytes()),
        }
        text.extend_from_slice(b"\r\n");
    }
}

/// Appends `Content-Length` or `Transfer-Encoding`, unless the header has the length already. A response to HEAD states the
/// length of the body that it omits.
fn write_length(head: &Parts, encoder: Encoder, length: Option<u64>, text: &mut Vec<u8>) {
    let stated = match (encoder, length) {
        (Encoder::Exact(length), _) => Some(length),
        (Encoder::Nothing, Some(length)) if length > 0 && framing::may_have_body(head.status) => Some(length),
        (Encoder::Nothing | Encoder::UntilClose, _) => None,
        (Encoder::Chunked { .. }, _) => {
            text.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            None
        }
    };
    if let Some(length) = stated
        && !head.headers.contains_key(CONTENT_LENGTH)
    {
        text.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
    }
}

/// Appends `Date` unless the response has one (RFC 9110, section 6.6.1).
fn write_date(headers: &HeaderMap, text: &mut Vec<u8>) {
    if !headers.contains_key(DATE) {
        DATE_OF_THREAD.with_borrow_mut(|date| {
            text.extend_from_slice(b"Date: ");
            text.extend_from_slice(date.at(Clock::system().now()));
            text.extend_from_slice(b"\r\n");
        });
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
