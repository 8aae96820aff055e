//! Field lines (RFC 9112, section 5), of headers and of trailers, read and written.

use super::error::Error;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::Header;

/// The number of fields for which a header reserves memory, because a proxy may add them.
const MAX_ADDED_FIELDS: usize = 4;

/// Adds parsed fields to `headers`. Each value is a slice of `bytes`, which is not copied.
pub(super) fn read_fields(
    headers: &mut HeaderMap,
    bytes: &Bytes,
    fields: &[Header<'_>],
) -> Result<(), Error> {
    headers.reserve(fields.len() + MAX_ADDED_FIELDS);
    for field in fields {
        let name =
            HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Error::Malformed("header name"))?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value))
            .map_err(|_| Error::Malformed("header value"))?;
        headers.append(name, value);
    }
    Ok(())
}

/// Appends a line for each field to `text`.
pub(super) fn write_fields(headers: &HeaderMap, text: &mut Vec<u8>) {
    for (name, value) in headers {
        write_field(name, value, text);
    }
}

/// Appends a field's line to `text`, with its name in title case. Names are case-insensitive (RFC 9110, section 5.1), but some
/// old servers and scripts recognise only `Authorization`, and none recognises only `authorization`.
pub(super) fn write_field(name: &HeaderName, value: &HeaderValue, text: &mut Vec<u8>) {
    let (name, start) = (name.as_str().as_bytes(), text.len());
    text.extend_from_slice(name);
    text[start].make_ascii_uppercase();
    for (byte, before) in text[start + 1..].iter_mut().zip(name) {
        if *before == b'-' {
            byte.make_ascii_uppercase();
        }
    }
    text.extend_from_slice(b": ");
    text.extend_from_slice(value.as_bytes());
    text.extend_from_slice(b"\r\n");
}

/// The number of bytes that these fields have as lines.
pub(super) fn length_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_in_title_case() {
        let mut text = Vec::new();
        for name in ["host", "x-api-key", "etag", "x--y", "-", "x-1a", "a_b"] {
            write_field(&HeaderName::from_static(name), &HeaderValue::from_static("x-y"), &mut text);
        }
        let names = ["Host", "X-Api-Key", "Etag", "X--Y", "-", "X-1a", "A_b"];
        assert_eq!(String::from_utf8(text).unwrap(), names.map(|name| format!("{name}: x-y\r\n")).concat());
    }
}
