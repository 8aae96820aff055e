//! The header of a response, read and written.

use super::date::Date;
use super::encode::Encoder;
use super::error::Error;
use super::framing::{self, Length};
use super::read::ReadBuffer;
use super::request::{length_of, read_fields, write_field};
use super::version::response_in_http_1_1;
use super::write::COPIED;
use super::{MOST_FIELDS, MOST_HEADER};
use crate::clock::Clock;
use bytes::{Buf, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRAILER, TRANSFER_ENCODING};
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
        let Some(mut response) = read_one(buffer)? else { return Ok(None) };
        let (status, version) = (response.status(), response.version());
        let switches = status == StatusCode::SWITCHING_PROTOCOLS;
        if status.is_informational() && !switches {
            continue;
        }
        let length = framing::of_response(method, status, version, response.headers_mut())?;
        // Behind a switch comes no response of this protocol, whether or not anybody asked for it.
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
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    // A proxy has to remove blanks between a name and its colon from a response (RFC 9112, section 5.1).
    let mut config = httparse::ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true);
    let outcome = config.parse_response_with_uninit_headers(&mut parsed, &bytes, &mut fields);
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

/// What the header does not say of the length yet. An answer to HEAD says that of the body that it leaves out.
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

/// Everybody who has a clock says when (RFC 9110, section 6.6.1).
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
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn read_all(text: &'static str) -> Result<Option<(u16, Length, bool, Bytes)>, Error> {
        let mut buffer = ReadBuffer::new(Bytes::from_static(text.as_bytes()));
        let head = read(&mut buffer, &Method::GET)?;
        Ok(head.map(|head| (head.response.status().as_u16(), head.length, head.keep_alive, buffer.take())))
    }

    #[test]
    fn the_final_response_is_read_and_those_before_it_passed_over() {
        let early = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
                     HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        assert_eq!(read_all(early).unwrap(), Some((200, Length::Exact(2), true, Bytes::from("ok"))));
        assert_eq!(read_all("HTTP/1.1 100 Continue\r\n\r\n").unwrap(), None);
        let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\nx";
        assert_eq!(read_all(switch).unwrap(), Some((101, Length::Exact(0), false, Bytes::from("x"))));
        let old = "HTTP/1.0 200\r\n\r\n";
        assert_eq!(read_all(old).unwrap(), Some((200, Length::UntilClose, false, Bytes::new())));
        let spaced = "HTTP/1.1 200 OK\r\ncontent-length \t: 2\r\n\r\nok";
        assert_eq!(read_all(spaced).unwrap(), Some((200, Length::Exact(2), true, Bytes::from("ok"))));
        for wrong in [
            "SSH-2.0-x\r\n",
            "HTTP/1.1 2x0 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\na b: c\r\n\r\n",
            "HTTP/1.1 200 OK\r\n a: b\r\n\r\n",
        ] {
            assert!(read_all(wrong).is_err_and(|error| error.is_parse()), "{wrong:?}");
        }
    }

    /// The header written for a response with these fields and this length, without its date.
    fn written(
        reply: &Reply<'_>,
        status: u16,
        fields: &[(&str, &str)],
        length: Option<u64>,
    ) -> (String, Encoder, bool) {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            response.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        }
        let mut text = Vec::new();
        let (encoder, keep_alive) = reply.write(&response.into_parts().0, length, &mut text);
        let text = String::from_utf8(text).unwrap();
        let lines = text.split_inclusive("\r\n").filter(|line| !line.starts_with("Date: "));
        (lines.collect(), encoder, keep_alive)
    }

    #[test]
    fn a_response_is_framed_for_whom_it_is() {
        let get = Reply {
            method: &Method::GET,
            version: Version::HTTP_11,
            takes_trailers: false,
            keep_alive: true,
        };
        let chunked = Encoder::Chunked { trailers: false };
        let text = |text: &str| text.replace('\n', "\r\n");
        for (reply, status, fields, length, expected) in [
            (
                &get,
                200,
                &[][..],
                Some(2),
                ("HTTP/1.1 200 OK\nContent-Length: 2\n\n", Encoder::Exact(2), true),
            ),
            (
                &get,
                200,
                &[("content-length", "2")],
                Some(2),
                ("HTTP/1.1 200 OK\nContent-Length: 2\n\n", Encoder::Exact(2), true),
            ),
            (&get, 200, &[], Some(0), ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", Encoder::Exact(0), true)),
            (&get, 200, &[], None, ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", chunked, true)),
            (
                &get,
                304,
                &[("content-length", "7")],
                Some(0),
                ("HTTP/1.1 304 Not Modified\nContent-Length: 7\n\n", Encoder::Nothing, true),
            ),
            (
                &get,
                204,
                &[("content-length", "7")],
                Some(0),
                ("HTTP/1.1 204 No Content\n\n", Encoder::Nothing, true),
            ),
            (
                &get,
                200,
                &[("connection", "close")],
                Some(0),
                ("HTTP/1.1 200 OK\nContent-Length: 0\nConnection: close\n\n", Encoder::Exact(0), false),
            ),
            (
                &get,
                101,
                &[("connection", "upgrade"), ("upgrade", "x")],
                Some(0),
                (
                    "HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: x\n\n",
                    Encoder::Nothing,
                    true,
                ),
            ),
            (
                &Reply { method: &Method::HEAD, ..get },
                200,
                &[("content-length", "7")],
                Some(0),
                ("HTTP/1.1 200 OK\nContent-Length: 7\n\n", Encoder::Nothing, true),
            ),
            (
                &Reply { keep_alive: false, ..get },
                200,
                &[],
                Some(0),
                ("HTTP/1.1 200 OK\nContent-Length: 0\nConnection: close\n\n", Encoder::Exact(0), false),
            ),
            (
                &Reply { version: Version::HTTP_10, ..get },
                200,
                &[],
                Some(2),
                ("HTTP/1.0 200 OK\nContent-Length: 2\nConnection: keep-alive\n\n", Encoder::Exact(2), true),
            ),
            (
                &Reply { version: Version::HTTP_10, ..get },
                200,
                &[],
                None,
                ("HTTP/1.0 200 OK\nConnection: close\n\n", Encoder::UntilClose, false),
            ),
            (
                &Reply { takes_trailers: true, ..get },
                200,
                &[],
                None,
                (
                    "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n",
                    Encoder::Chunked { trailers: true },
                    true,
                ),
            ),
        ] {
            let (head, encoder, keep_alive) = expected;
            assert_eq!(
                written(reply, status, fields, length),
                (text(head), encoder, keep_alive),
                "{fields:?}"
            );
        }
    }

    #[test]
    fn the_words_of_an_upstream_are_its_own() {
        let mut buffer = ReadBuffer::new(Bytes::from_static(b"HTTP/1.1 404 Nobody Home\r\n\r\n"));
        let response = read(&mut buffer, &Method::GET).unwrap().unwrap().response;
        let reply = Reply {
            method: &Method::GET,
            version: Version::HTTP_11,
            takes_trailers: false,
            keep_alive: true,
        };
        let mut text = Vec::new();
        reply.write(&response.into_parts().0, Some(0), &mut text);
        assert!(text.starts_with(b"HTTP/1.1 404 Nobody Home\r\n"), "{}", String::from_utf8_lossy(&text));
    }
}
