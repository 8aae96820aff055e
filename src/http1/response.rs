//! The header of a response, read and written.

use super::date::Date;
use super::encode::Encoder;
use super::error::Error;
use super::framing::{self, Length};
use super::read::ReadBuffer;
use super::request::{length_of, read_fields, write_field};
use super::write::COPIED;
use super::{MOST_FIELDS, MOST_HEADER};
use crate::clock::Clock;
use bytes::{Buf, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, Method, Response, StatusCode, Version};
use httparse::Status;
use std::cell::RefCell;
use std::mem::MaybeUninit;

thread_local! {
    static DATE_OF_THREAD: RefCell<Date> = RefCell::default();
}

/// The words behind a status, where they are not the usual ones. An extension of the response.
#[derive(Clone, Debug)]
struct Reason(Bytes);

/// A header that has come, and what it says about its connection.
pub(super) struct ResponseHead {
    pub(super) response: Response<()>,
    pub(super) length: Length,
    pub(super) keep_alive: bool,
}

/// The header at the beginning of what has come, which it takes away; `None` while it is not whole. `method` is that of
/// the request. What comes before the final response (RFC 9110, section 15.2) is passed over, except for a switch of
/// protocols.
pub(super) fn read(buffer: &mut ReadBuffer, method: &Method) -> Result<Option<ResponseHead>, Error> {
    while !buffer.is_empty() {
        let Some(response) = read_one(buffer)? else { return Ok(None) };
        let (status, version) = (response.status(), response.version());
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            continue;
        }
        let length = framing::of_response(method, status, version, response.headers())?;
        let keep_alive = framing::is_kept_alive(response.headers(), version);
        return Ok(Some(ResponseHead { response, length, keep_alive }));
    }
    Ok(None)
}

fn read_one(buffer: &mut ReadBuffer) -> Result<Option<Response<()>>, Error> {
    let bytes = buffer.held().clone();
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let outcome = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut parsed,
        &bytes,
        &mut fields,
    );
    let Status::Complete(length) = outcome? else {
        return if bytes.len() < MOST_HEADER { Ok(None) } else { Err(Error::HeaderTooLarge) };
    };
    if length > MOST_HEADER {
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

/// What a connection to a caller makes of a response.
pub(super) struct Reply<'r> {
    /// The method of the request.
    pub(super) method: &'r Method,
    /// The version of the request.
    pub(super) version: Version,
    /// The request said that trailers are welcome.
    pub(super) takes_trailers: bool,
    /// The connection can take another request.
    pub(super) keep_alive: bool,
}

impl Reply<'_> {
    /// Adds the header of a response with a body of this length, if that is known, to what is to be written. Tells how the
    /// body is written, and whether the connection can take another request behind it.
    pub(super) fn write(&self, head: &Parts, length: Option<u64>, text: &mut Vec<u8>) -> (Encoder, bool) {
        let encoder = self.encoder(head, length);
        let said_close = framing::is_kept_alive(&head.headers, Version::HTTP_11);
        let keep_alive = self.keep_alive && said_close && !matches!(encoder, Encoder::UntilClose);
        let body = length.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX).min(COPIED));
        text.reserve(128 + length_of(&head.headers) + body);
        self.write_status_line(head, text);
        let switches = head.status == StatusCode::SWITCHING_PROTOCOLS;
        // These have no length at all (RFC 9110, section 8.6), unlike a 304 or an answer to HEAD.
        let has_no_length = switches || head.status == StatusCode::NO_CONTENT;
        for (name, value) in &head.headers {
            let is_out_of_place = match *name {
                CONNECTION => !switches,
                CONTENT_LENGTH => has_no_length,
                TRANSFER_ENCODING => true,
                _ => false,
            };
            if !is_out_of_place {
                write_field(name, value, text);
            }
        }
        write_length(head, encoder, text);
        match self.version {
            _ if switches => {}
            Version::HTTP_10 if keep_alive => text.extend_from_slice(b"connection: keep-alive\r\n"),
            _ if keep_alive => {}
            _ => text.extend_from_slice(b"connection: close\r\n"),
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
            None if self.version == Version::HTTP_11 => Encoder::Chunked { trailers: self.takes_trailers },
            None => Encoder::UntilClose,
        }
    }

    /// A caller of HTTP/1.0 is answered in HTTP/1.0.
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

/// What the header does not say of the length yet. Where no body comes it may say that of another.
fn write_length(head: &Parts, encoder: Encoder, text: &mut Vec<u8>) {
    match encoder {
        Encoder::Exact(length) if !head.headers.contains_key(CONTENT_LENGTH) => {
            text.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
        }
        Encoder::Chunked { .. } => text.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Encoder::Exact(_) | Encoder::UntilClose | Encoder::Nothing => {}
    }
}

/// Everybody who has a clock says when (RFC 9110, section 6.6.1).
fn write_date(headers: &HeaderMap, text: &mut Vec<u8>) {
    if !headers.contains_key(DATE) {
        DATE_OF_THREAD.with_borrow_mut(|date| {
            text.extend_from_slice(b"date: ");
            text.extend_from_slice(date.at(Clock::system().now()));
            text.extend_from_slice(b"\r\n");
        });
    }
}
