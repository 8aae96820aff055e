//! Whether a request is one that every reader reads alike. What the HTTP library refuses never gets here; this refuses
//! what it takes although RFC 9112 or RFC 9113 calls it malformed, because the hop before may have read it differently.

use super::error::ProxyError;
use crate::http1::check_fields;
use crate::http1::error::Error;
use crate::http1::framing::one_length;
use http::header::{HOST, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, Uri, Version};

/// Lets a sound request pass.
///
/// # Errors
/// When the request's form is not one that RFC 9112 allows for its method, an HTTP/1.1 request has not exactly one
/// `Host` or one of other bytes than a host and port have, its body has any coding but one `chunked`, or it is none that
/// RFC 9113 allows.
pub fn check<B>(request: &Request<B>) -> Result<(), ProxyError> {
    if request.version() == Version::HTTP_2 {
        check_http2(request)?;
    }
    if form_is_allowed(request)
        && has_one_host(request)
        && request.headers().get_all(HOST).iter().all(is_host)
        && is_at_most_chunked(request)
    {
        Ok(())
    } else {
        Err(ProxyError::Malformed)
    }
}

/// RFC 9113, sections 8.2.1 and 8.3.1: values have no blanks around them, a path begins with a slash, and an authority has no
/// user.
fn check_http2<B>(request: &Request<B>) -> Result<(), ProxyError> {
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    let first_line = request.method().as_str().len() + path.len() + host_line(request.uri());
    check_fields(request.headers(), first_line).map_err(ProxyError::Unreadable)?;
    let has_user = request.uri().authority().is_some_and(|authority| authority.as_str().contains('@'));
    if path.starts_with('?') || has_user || request.headers().values().any(has_blanks_around) {
        return Err(ProxyError::Malformed);
    }
    Ok(())
}

/// What the authority of HTTP/2 is in HTTP/1.1.
fn host_line(uri: &Uri) -> usize {
    uri.authority().map_or(0, |authority| "host: \r\n".len() + authority.as_str().len())
}

/// Holds the header of an HTTP/2 response to what HTTP/1.1 would let pass. Blanks around values are taken away, as
/// HTTP/1.1 takes them away: upstreams send them.
///
/// # Errors
/// When it is too large, has a name that is no token, or states no length or two.
pub fn check_http2_response<B>(response: &mut Response<B>) -> Result<(), Error> {
    check_fields(response.headers(), 0)?;
    one_length(response.headers_mut())?;
    for value in response.headers_mut().values_mut().filter(|value| has_blanks_around(value)) {
        let trimmed = HeaderValue::from_bytes(value.as_bytes().trim_ascii());
        *value = trimmed.expect("a part of a value is a value");
    }
    Ok(())
}

fn has_blanks_around(value: &HeaderValue) -> bool {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    is_blank(value.as_bytes().first()) || is_blank(value.as_bytes().last())
}

/// RFC 9112, sections 3.2.3 and 3.2.4: a bare authority is for CONNECT, `*` for OPTIONS.
fn form_is_allowed<B>(request: &Request<B>) -> bool {
    let uri = request.uri();
    let bare_authority = uri.scheme().is_none() && uri.authority().is_some();
    let asterisk = uri.path() == "*";
    !bare_authority && (!asterisk || request.method() == Method::OPTIONS)
}

/// RFC 9112, section 3.2. In HTTP/2 the authority has a field of its own, and in HTTP/1.0 `Host` may be missing.
fn has_one_host<B>(request: &Request<B>) -> bool {
    let mut values = request.headers().get_all(HOST).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => false,
        (Some(_), None) => true,
        (None, None) => request.version() != Version::HTTP_11,
    }
}

/// RFC 9112, section 3.2: a `Host` that holds something else is refused. These bytes are those of a host and a port in RFC 3986,
/// section 3.2, with a percent sign and without regard to their order.
fn is_host(value: &HeaderValue) -> bool {
    value.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(byte))
}

/// RFC 9112, section 6.1: other codings are refused where they are not understood, and `chunked` is not applied twice.
fn is_at_most_chunked<B>(request: &Request<B>) -> bool {
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (_, Some(_)) => false,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn sound(method: &str, uri: &str, version: Version, headers: &[(&'static str, &'static str)]) -> bool {
        let mut request = Request::new(());
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = uri.parse().unwrap();
        *request.version_mut() = version;
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        check(&request).is_ok()
    }

    fn sound_with(headers: &[(&'static str, &'static str)]) -> bool {
        sound("POST", "/", Version::HTTP_11, headers)
    }

    #[test]
    fn http_1_1_has_exactly_one_host() {
        assert!(sound_with(&[("host", "a")]) && sound_with(&[("host", "")]));
        assert!(!sound_with(&[]) && !sound_with(&[("host", "a"), ("host", "a")]));
    }

    #[test]
    fn a_host_has_no_bytes_but_those_of_a_host_and_a_port() {
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            let sound = |host| sound("GET", "/", version, &[("host", host)]);
            for host in ["a", "a:80", "[::1]:80", "a_b.example", "a%20b", "xn--bcher-kva", "a,b", ""] {
                assert!(sound(host), "{host}");
            }
            for host in ["a b", "a/b", "user@a", "a?b", "a#b", "a, b", "a\\b", "<a>", "a\tb", "\"a\""] {
                assert!(!sound(host), "{host}");
            }
        }
    }

    #[test]
    fn the_other_versions_have_at_most_one_host() {
        for version in [Version::HTTP_10, Version::HTTP_2] {
            assert!(sound("GET", "/", version, &[]) && sound("GET", "/", version, &[("host", "a")]));
            assert!(!sound("GET", "/", version, &[("host", "a"), ("host", "b")]));
        }
    }

    #[test]
    fn the_only_transfer_coding_is_one_chunked() {
        for coding in ["chunked", "Chunked", "CHUNKED"] {
            assert!(sound_with(&[("host", "a"), ("transfer-encoding", coding)]), "{coding}");
        }
        let codings = [
            "",
            "identity",
            "gzip",
            "gzip, chunked",
            "chunked, chunked",
            "chunked;q=1",
            ",chunked",
            "chunked,",
        ];
        for coding in codings {
            assert!(!sound_with(&[("host", "a"), ("transfer-encoding", coding)]), "{coding}");
        }
        let twice = [("host", "a"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
        assert!(!sound_with(&twice));
    }

    #[test]
    fn a_request_target_has_a_form_that_its_method_may_have() {
        let sound = |method, uri| sound(method, uri, Version::HTTP_11, &[("host", "a")]);
        assert!(sound("GET", "/a?b") && sound("GET", "http://a/b") && sound("OPTIONS", "*"));
        assert!(!sound("GET", "example.com") && !sound("GET", "example.com:443") && !sound("GET", "*"));
    }
}
