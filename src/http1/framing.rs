//! Determines where a message ends (RFC 9112, section 6.3), and whether another may follow it (section 9.3).

use super::error::Error;
use super::fields::{lists, members};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// The body has this many bytes, perhaps none.
    Exact(u64),
    /// The last chunk ends the body.
    Chunked,
    /// The end of the connection ends the body.
    UntilClose,
}

/// Returns the length of a request's body, and whether another request may follow. Removes redundant `Content-Length` fields:
/// repeated equal ones, and all of them where the body is chunked. `Transfer-Encoding` takes precedence over `Content-Length`,
/// and a request with both is the last on its connection (section 6.1).
pub(super) fn of_request(headers: &mut HeaderMap, version: Version) -> Result<(Length, bool), Error> {
    let keep_alive = is_kept_alive(headers, version);
    let stated = one_length(headers)?;
    if headers.contains_key(TRANSFER_ENCODING) {
        if version != Version::HTTP_11 {
            return Err(Error::Malformed("transfer-encoding in HTTP/1.0"));
        }
        if !ends_chunked(headers)? {
            return Err(Error::Malformed("transfer-encoding"));
        }
        headers.remove(CONTENT_LENGTH);
        return Ok((Length::Chunked, keep_alive && stated.is_none()));
    }
    Ok((Length::Exact(stated.unwrap_or(0)), keep_alive))
}

/// Returns the length of the body of a response to a request of this method.
pub(super) fn of_response(
    method: &Method,
    status: StatusCode,
    version: Version,
    headers: &mut HeaderMap,
) -> Result<Length, Error> {
    // Behind a success is the tunnel, whatever the fields say (RFC 9110, section 9.3.6), and other content is not read.
    if *method == Method::CONNECT {
        return Ok(Length::UntilClose);
    }
    let has_no_body = *method == Method::HEAD || !may_have_body(status);
    if !has_no_body && headers.contains_key(TRANSFER_ENCODING) {
        if version != Version::HTTP_11 {
            return Err(Error::Malformed("transfer-encoding in HTTP/1.0"));
        }
        if is_chunked(headers)? {
            return Ok(Length::Chunked);
        }
    }
    // A response without a body may state a length, which is forwarded, so it must be valid too.
    let stated = one_length(headers)?;
    Ok(if has_no_body { Length::Exact(0) } else { stated.map_or(Length::UntilClose, Length::Exact) })
}

/// Whether a response of this status may have a body (RFC 9110, section 6.4.1).
pub fn may_have_body(status: StatusCode) -> bool {
    !status.is_informational() && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Whether the connection persists after the message (RFC 9112, section 9.3).
pub(super) fn is_kept_alive(headers: &HeaderMap, version: Version) -> bool {
    if !headers.contains_key(CONNECTION) {
        return version == Version::HTTP_11;
    }
    let closes = lists(headers, &CONNECTION, "close");
    !closes && (version == Version::HTTP_11 || lists(headers, &CONNECTION, "keep-alive"))
}

/// Whether the last transfer coding is `chunked`. Other codings may be unknown, but a value that is no text is rejected:
/// some parsers ignore such a field, and would find the end of the body elsewhere.
fn ends_chunked(headers: &HeaderMap) -> Result<bool, Error> {
    if headers.get_all(TRANSFER_ENCODING).iter().any(|codings| codings.to_str().is_err()) {
        return Err(Error::Malformed("transfer-encoding"));
    }
    let last = members(headers, &TRANSFER_ENCODING).last();
    Ok(last.is_some_and(|last| last.eq_ignore_ascii_case(b"chunked")))
}

/// Whether a response's body is chunked. `identity` means no coding. Any other coding is rejected: attache requests none
/// (RFC 9110, section 10.1.4), and the caller could not decode it, because the field is not forwarded.
fn is_chunked(headers: &HeaderMap) -> Result<bool, Error> {
    let mut codings = members(headers, &TRANSFER_ENCODING)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"));
    match (codings.next(), codings.next()) {
        (None, _) => Ok(false),
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(true),
        (Some(_), _) => Err(Error::Malformed("transfer-encoding")),
    }
}

/// Returns the length that a header states, and reduces repeated equal `Content-Length` fields to one.
///
/// # Errors
/// When a value is no number, or when two values differ.
pub fn one_length(headers: &mut HeaderMap) -> Result<Option<u64>, Error> {
    let (mut stated, mut times) = (None, 0);
    for value in headers.get_all(CONTENT_LENGTH) {
        let length = number(value).ok_or(Error::Malformed("content-length"))?;
        if stated.is_some_and(|before| before != length) {
            return Err(Error::Malformed("content-length, stated twice"));
        }
        (stated, times) = (Some(length), times + 1);
    }
    if let (Some(length), 2..) = (stated, times) {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    Ok(stated)
}

/// The value of a `Content-Length` field: digits only, and at most the maximum length of a file.
fn number(value: &HeaderValue) -> Option<u64> {
    let digits = value.as_bytes();
    let sum = digits.iter().try_fold(0_u64, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })?;
    (!digits.is_empty() && i64::try_from(sum).is_ok()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn fields(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }

    #[test]
    fn the_length_of_a_request_is_stated_in_one_way_or_refused() {
        let read = |version, stated: &[(&'static str, &'static str)]| {
            let mut headers = fields(stated);
            of_request(&mut headers, version).ok().map(|(length, keep_alive)| {
                let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
                (length, keep_alive, lengths)
            })
        };
        let (cl, te) = ("content-length", "transfer-encoding");
        for (stated, expected) in [
            (&[][..], Some((Length::Exact(0), true, 0))),
            (&[(cl, "5")], Some((Length::Exact(5), true, 1))),
            (&[(cl, "5"), (cl, "05")], Some((Length::Exact(5), true, 1))),
            (&[(te, "chunked")], Some((Length::Chunked, true, 0))),
            (&[(te, "gzip, Chunked")], Some((Length::Chunked, true, 0))),
            (&[(cl, "5"), (te, "chunked")], Some((Length::Chunked, false, 0))),
            (&[(cl, "9223372036854775807")], Some((Length::Exact(i64::MAX as u64), true, 1))),
            (&[(cl, "9223372036854775808")], None),
            (&[(cl, "5"), (cl, "6")], None),
            (&[(cl, "")], None),
            (&[(cl, "+5")], None),
            (&[(cl, "5, 5")], None),
            (&[(te, "chunked"), (cl, "x")], None),
            (&[(te, "chunked, gzip")], None),
            (&[(te, "")], None),
            (&[(te, "\u{e4}, chunked")], None),
            (&[(te, "\u{e4}"), (te, "chunked")], None),
        ] {
            assert_eq!(read(Version::HTTP_11, stated), expected, "{stated:?}");
        }
        assert_eq!(read(Version::HTTP_10, &[(te, "chunked")]), None);
        assert_eq!(read(Version::HTTP_10, &[(cl, "5")]), Some((Length::Exact(5), false, 1)));
    }

    #[test]
    fn the_length_of_a_response_depends_on_what_was_asked() {
        let read = |method, status: u16, stated: &[(&'static str, &'static str)]| {
            let status = StatusCode::from_u16(status).unwrap();
            of_response(&method, status, Version::HTTP_11, &mut fields(stated)).ok()
        };
        let five = &[("content-length", "5")][..];
        assert_eq!(read(Method::GET, 200, five), Some(Length::Exact(5)));
        assert_eq!(read(Method::GET, 200, &[]), Some(Length::UntilClose));
        assert_eq!(read(Method::GET, 200, &[("transfer-encoding", "chunked")]), Some(Length::Chunked));
        for wrong in ["gzip", "gzip, chunked", "chunked, chunked", "chunked, gzip"] {
            assert_eq!(read(Method::GET, 200, &[("transfer-encoding", wrong)]), None, "{wrong}");
        }
        let identity = ("transfer-encoding", "Identity");
        assert_eq!(read(Method::GET, 200, &[identity]), Some(Length::UntilClose));
        assert_eq!(read(Method::GET, 200, &[identity, five[0]]), Some(Length::Exact(5)));
        assert_eq!(read(Method::GET, 200, &[("content-length", "5"), ("content-length", "6")]), None);
        assert_eq!(read(Method::GET, 200, &[("transfer-encoding", "\u{e4}, chunked")]), None);
        for (method, status) in
            [(Method::HEAD, 200), (Method::GET, 204), (Method::GET, 304), (Method::GET, 101)]
        {
            assert_eq!(read(method.clone(), status, five), Some(Length::Exact(0)), "{status}");
            assert_eq!(read(method.clone(), status, &[five[0], five[0]]), Some(Length::Exact(0)), "{status}");
            let wrong = [&[("content-length", "abc")][..], &[five[0], ("content-length", "6")]];
            assert!(wrong.iter().all(|stated| read(method.clone(), status, stated).is_none()), "{status}");
        }
    }

    #[test]
    fn a_connection_lives_as_long_as_both_versions_say() {
        let alive = |version, values: &[&'static str]| {
            let stated: Vec<_> = values.iter().map(|value| ("connection", *value)).collect();
            is_kept_alive(&fields(&stated), version)
        };
        assert!(alive(Version::HTTP_11, &[]) && alive(Version::HTTP_11, &["x"]));
        assert!(
            !alive(Version::HTTP_11, &["x, Close"]) && !alive(Version::HTTP_11, &["close", "keep-alive"])
        );
        assert!(!alive(Version::HTTP_10, &[]) && alive(Version::HTTP_10, &["Keep-Alive"]));
    }
}
