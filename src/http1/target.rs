//! The target of a request. The `http` crate rejects some bytes that clients send raw, and drops a fragment (`#`). Both are
//! forwarded unchanged, because the upstream may interpret them.

use super::error::Error;
use super::limits::MAX_TARGET_BYTES;
use super::request_line::first_line;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};
use std::fmt::Write;

/// The maximum number of bytes of a rejected request's target that the log shows.
const MAX_LOGGED_TARGET_BYTES: usize = 1024;

/// Path and query as they were received, where the `Uri` of the request has them percent-encoded. It is an extension of the
/// request.
#[derive(Clone)]
struct Raw(Bytes);

/// Path and query of a request, byte for byte, as HTTP/1.1 sends them.
pub fn path_and_query<T>(head: &Request<T>) -> &[u8] {
    match head.extensions().get::<Raw>() {
        Some(Raw(raw)) => raw,
        None => head.uri().path_and_query().map_or(b"/", |target| target.as_str().as_bytes()),
    }
}

/// Path and query of a request as HTTP/2 sends them: percent-encoded where RFC 3986 requires it (RFC 9113, section 8.3.1).
pub fn encoded_path_and_query<T>(head: &Request<T>) -> PathAndQuery {
    let mut text = String::new();
    encode(path_and_query(head), &mut text);
    // A target that is too long once it is encoded is forwarded as it was received.
    let as_it_came = || head.uri().path_and_query().cloned();
    PathAndQuery::try_from(text).ok().or_else(as_it_came).unwrap_or_else(|| PathAndQuery::from_static("/"))
}

/// Takes a prefix off path and query, which begin with it, and leaves the rest as it is. Where no slash is left at the beginning,
/// one is put there.
pub fn strip_prefix<T>(head: &mut Request<T>, prefix: &str) {
    if let Some(Raw(raw)) = head.extensions_mut().get_mut::<Raw>()
        && let Some(rest) = raw.strip_prefix(prefix.as_bytes())
    {
        *raw = if rest.starts_with(b"/") { raw.slice_ref(rest) } else { [b"/", rest].concat().into() };
    }
    let target = head.uri().path_and_query().map_or("", PathAndQuery::as_str);
    let Some(rest) = target.strip_prefix(prefix) else { return };
    let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    let mut parts = head.uri().clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(rest).expect("the end of a path and query is one"));
    *head.uri_mut() = Uri::from_parts(parts).expect("a path behind the authority that was there before");
}

/// Parses the target of a request whose method is already set.
pub(super) fn read<T>(target: Bytes, request: &mut Request<T>) -> Result<(), Error> {
    if target.len() > MAX_TARGET_BYTES {
        return Err(Error::TargetTooLong);
    }
    let length = target.len();
    *request.uri_mut() = match Uri::from_maybe_shared(target.clone()) {
        Ok(uri) if is_all_of(&uri, length) => uri,
        Ok(_) | Err(_) => read_other(&target, request)?,
    };
    Ok(())
}

/// Whether a target of `length` bytes was parsed as this `Uri` with nothing added or dropped.
fn is_all_of(uri: &Uri, length: usize) -> bool {
    let Some(path) = uri.path_and_query().map(|path| path.as_str()) else { return false };
    let origin = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => scheme.len() + 3 + authority.as_str().len(),
        (_, _) => 0,
    };
    path.starts_with(['/', '*']) && origin + path.len() == length
}

/// Parses a target that has raw bytes, or no path after its authority.
fn read_other<T>(target: &Bytes, request: &mut Request<T>) -> Result<Uri, Error> {
    let (origin, path) = target.split_at(path_start(target));
    let path = if path.starts_with(b"/") || !is_absolute(origin) {
        target.slice_ref(path)
    } else if path.is_empty() && *request.method() == Method::OPTIONS {
        // RFC 9112, section 3.2.4: in this form a client sends `OPTIONS *` through a proxy.
        request.extensions_mut().insert(Raw(Bytes::from_static(b"*")));
        Bytes::new()
    } else {
        // RFC 9112, section 3.2.1: an empty path is sent as `/`.
        [b"/", path].concat().into()
    };
    let mut whole = String::from_utf8(origin.to_vec()).map_err(|_| Error::Malformed("request target"))?;
    encode(&path, &mut whole);
    if whole.len() > MAX_TARGET_BYTES {
        return Err(Error::TargetTooLong);
    }
    if path.iter().any(|byte| is_raw(*byte)) {
        request.extensions_mut().insert(Raw(path));
    }
    Uri::try_from(whole).map_err(|_| Error::Malformed("request target"))
}

fn encode(path: &[u8], text: &mut String) {
    for &byte in path {
        if is_raw(byte) {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "%{byte:02X}");
        } else {
            text.push(char::from(byte));
        }
    }
}

/// The position where the path begins: 0, or after `scheme://authority`. It is the end of a target without a path.
fn path_start(target: &[u8]) -> usize {
    if matches!(target.first(), Some(b'/' | b'*')) {
        return 0;
    }
    let authority = target.windows(3).position(|three| three == b"://").map_or(0, |colon| colon + 3);
    let rest = target.iter().skip(authority).position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    rest.map_or(target.len(), |path| authority + path)
}

fn is_absolute(origin: &[u8]) -> bool {
    origin.windows(3).any(|three| three == b"://")
}

/// Whether RFC 3986 requires this byte of a path or query to be percent-encoded. The `http` crate may reject such a byte.
fn is_raw(byte: u8) -> bool {
    let is_odd = matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}');
    is_odd || !byte.is_ascii_graphic()
}

/// For a header whose target is not ASCII: the header with `%` for each byte of the target that is not ASCII, and the target
/// as it was received.
pub(super) fn in_ascii(header: &Bytes) -> Option<(Bytes, Bytes)> {
    let target = header.slice_ref(target_of(first_line(header)));
    if target.is_ascii() {
        return None;
    }
    let start = header.iter().position(|byte| *byte == b' ')? + 1;
    let mut ascii = header.to_vec();
    ascii[start..start + target.len()]
        .iter_mut()
        .filter(|byte| !byte.is_ascii())
        .for_each(|byte| *byte = b'%');
    Some((ascii.into(), target))
}

/// The bytes between the first and the last space of a request line.
fn target_of(line: &[u8]) -> &[u8] {
    let target = line.splitn(2, |byte| *byte == b' ').nth(1).unwrap_or_default();
    target.rsplitn(2, |byte| *byte == b' ').last().unwrap_or_default()
}

/// The first byte of the target that is not allowed in a target.
pub(super) fn odd_byte(header: &[u8]) -> Option<u8> {
    let target = target_of(first_line(header));
    target.iter().copied().find(|byte| byte.is_ascii_control() || *byte == b' ')
}

/// The beginning of a rejected request's target, for the log.
pub(super) fn told(target: &[u8]) -> Option<Uri> {
    let mut text = String::new();
    encode(target.get(..MAX_LOGGED_TARGET_BYTES).unwrap_or(target), &mut text);
    Uri::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a target: the bytes for HTTP/1.1, and the `Uri`.
    fn kept(method: Method, target: &[u8]) -> Option<(Vec<u8>, String)> {
        let mut request = Request::new(());
        *request.method_mut() = method;
        read(Bytes::copy_from_slice(target), &mut request).ok()?;
        Some((path_and_query(&request).to_vec(), request.uri().to_string()))
    }

    #[test]
    fn what_clients_send_raw_goes_on_as_it_came() {
        for (target, uri) in [
            (&b"/a?b=%20"[..], "/a?b=%20"),
            (b"/q?x={\"a\":1}", "/q?x=%7B%22a%22:1%7D"),
            (b"/p<a>`b`", "/p%3Ca%3E%60b%60"),
            (b"/caf\xe9?n=\xe9", "/caf%E9?n=%E9"),
            (b"/\"<>\\^`{|}?\"<>\\^`{|}", "/%22%3C%3E%5C%5E%60%7B%7C%7D?%22%3C%3E%5C%5E%60%7B%7C%7D"),
            (b"/f#frag?y", "/f%23frag?y"),
            (b"/#", "/%23"),
        ] {
            assert_eq!(kept(Method::GET, target), Some((target.to_vec(), uri.to_owned())), "{uri}");
        }
    }

    #[test]
    fn a_whole_url_keeps_its_authority_and_loses_it_on_the_way() {
        for (method, target, written, uri) in [
            (Method::GET, "http://a", "/", "http://a/"),
            (Method::GET, "http://a/b?c", "/b?c", "http://a/b?c"),
            (Method::GET, "http://a?x=1", "/?x=1", "http://a/?x=1"),
            (Method::GET, "http://a?x=<", "/?x=<", "http://a/?x=%3C"),
            (Method::GET, "http://a#f", "/#f", "http://a/%23f"),
            (Method::GET, "http://a/b#f", "/b#f", "http://a/b%23f"),
            (Method::OPTIONS, "http://a", "*", "http://a/"),
            (Method::OPTIONS, "http://a/", "/", "http://a/"),
            (Method::OPTIONS, "*", "*", "*"),
        ] {
            let expected = Some((written.as_bytes().to_vec(), uri.to_owned()));
            assert_eq!(kept(method, target.as_bytes()), expected, "{target}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused_with_its_byte() {
        for wrong in ["", "?x", "#f", "a/b", "http:///x", "http://a b/"] {
            assert_eq!(kept(Method::GET, wrong.as_bytes()), None, "{wrong}");
        }
        for (header, byte) in [
            (&b"GET /a\x01b HTTP/1.1\r\nhost: a b"[..], Some(1)),
            (b"GET /a b HTTP/1.1\r\n", Some(b' ')),
            (b"GET /a HTTP/1.1\r\nhost: \x01", None),
        ] {
            assert_eq!(odd_byte(header), byte);
        }
    }

    #[test]
    fn a_target_has_the_length_that_a_uri_can_have() {
        let length = |length: usize, byte: &[u8]| {
            kept(Method::GET, &[b"/", &byte.repeat(length)[..]].concat()).is_some()
        };
        assert!(length(MAX_TARGET_BYTES - 1, b"a") && !length(MAX_TARGET_BYTES, b"a"));
        assert!(length(MAX_TARGET_BYTES / 3 - 1, b"<") && !length(MAX_TARGET_BYTES / 3 + 1, b"<"));
    }

    #[test]
    fn a_prefix_is_taken_off_what_came_and_nothing_else_changes() {
        for (target, raw, uri) in [
            ("/a", "/", "/"),
            ("/a/", "/", "/"),
            ("/a?x=/a", "/?x=/a", "/?x=/a"),
            ("/a//b/../a%2Fc", "//b/../a%2Fc", "//b/../a%2Fc"),
            ("/a/{x}?\"#y", "/{x}?\"#y", "/%7Bx%7D?%22%23y"),
            ("/a?\"", "/?\"", "/?%22"),
            ("http://h:1/a/b", "/b", "http://h:1/b"),
            ("http://h/a?x", "/?x", "http://h/?x"),
            ("/b/a", "/b/a", "/b/a"),
        ] {
            let mut request = Request::new(());
            read(Bytes::copy_from_slice(target.as_bytes()), &mut request).unwrap();
            strip_prefix(&mut request, "/a");
            let kept = (std::str::from_utf8(path_and_query(&request)).unwrap(), request.uri().to_string());
            assert_eq!(kept, (raw, uri.to_owned()), "{target}");
        }
    }
}
