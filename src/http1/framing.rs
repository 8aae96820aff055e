//! Where a message ends (RFC 9112, section 6.3), and whether another may follow it (section 9.3).

use super::error::Error;
use super::fields::{lists, members};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// So many bytes, perhaps none.
    Exact(u64),
    /// A last chunk.
    Chunked,
    /// The connection's end.
    UntilClose,
}

/// The length of a request's body, and whether another request may follow. Leaves one statement of the length in the
/// header: of two that are alike one, and none beside chunks, which win but are the last that is read (section 6.1).
pub(super) fn of_request(headers: &mut HeaderMap, version: Version) -> Result<(Length, bool), Error> {
    let keep_alive = is_kept_alive(headers, version);
    let stated = stated_length(headers)?;
    if headers.contains_key(TRANSFER_ENCODING) {
        if version != Version::HTTP_11 {
            return Err(Error::Malformed("transfer-encoding in HTTP/1.0"));
        }
        if !ends_chunked(headers) {
            return Err(Error::Malformed("transfer-encoding"));
        }
        headers.remove(CONTENT_LENGTH);
        return Ok((Length::Chunked, keep_alive && stated.is_none()));
    }
    match stated {
        None => Ok((Length::Exact(0), keep_alive)),
        Some(length) => {
            if headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some() {
                headers.insert(CONTENT_LENGTH, length.into());
            }
            Ok((Length::Exact(length), keep_alive))
        }
    }
}

/// The length of the body of a response to a request of this method.
pub(super) fn of_response(
    method: &Method,
    status: StatusCode,
    version: Version,
    headers: &HeaderMap,
) -> Result<Length, Error> {
    if *method == Method::HEAD || !may_have_body(status) {
        return Ok(Length::Exact(0));
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        if version != Version::HTTP_11 {
            return Err(Error::Malformed("transfer-encoding in HTTP/1.0"));
        }
        return Ok(if ends_chunked(headers) { Length::Chunked } else { Length::UntilClose });
    }
    Ok(stated_length(headers)?.map_or(Length::UntilClose, Length::Exact))
}

/// Whether a status leaves room for a body (RFC 9110, section 6.4.1).
pub(super) fn may_have_body(status: StatusCode) -> bool {
    !status.is_informational() && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Whether the connection outlives the message.
pub(super) fn is_kept_alive(headers: &HeaderMap, version: Version) -> bool {
    if !headers.contains_key(CONNECTION) {
        return version == Version::HTTP_11;
    }
    let closes = lists(headers, &CONNECTION, "close");
    !closes && (version == Version::HTTP_11 || lists(headers, &CONNECTION, "keep-alive"))
}

fn ends_chunked(headers: &HeaderMap) -> bool {
    members(headers, &TRANSFER_ENCODING).last().is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"))
}

fn stated_length(headers: &HeaderMap) -> Result<Option<u64>, Error> {
    let mut stated = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        let length = number(value).ok_or(Error::Malformed("content-length"))?;
        if stated.is_some_and(|before| before != length) {
            return Err(Error::Malformed("content-length, stated twice"));
        }
        stated = Some(length);
    }
    Ok(stated)
}

/// Digits, and no more than a file can be long.
fn number(value: &HeaderValue) -> Option<u64> {
    let digits = value.as_bytes();
    let sum = digits.iter().try_fold(0_u64, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })?;
    (!digits.is_empty() && i64::try_from(sum).is_ok()).then_some(sum)
}
