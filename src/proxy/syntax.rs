//! Whether a request is one that every reader reads alike. What the HTTP library refuses never gets here; this refuses
//! what it takes although RFC 9112 calls it malformed, because the hop before may have read it differently.

use super::error::ProxyError;
use http::header::{HOST, TRANSFER_ENCODING};
use http::{Method, Request, Version};

/// Lets a sound request pass.
///
/// # Errors
/// When the request's form is not one that RFC 9112 allows for its method, an HTTP/1.1 request has not exactly one
/// `Host`, or its body has any coding but one `chunked`.
pub fn check<B>(request: &Request<B>) -> Result<(), ProxyError> {
    if form_is_allowed(request) && has_one_host(request) && is_at_most_chunked(request) {
        Ok(())
    } else {
        Err(ProxyError::Malformed)
    }
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
