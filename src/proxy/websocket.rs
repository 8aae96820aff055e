//! WebSocket over HTTP/2 (RFC 8441). The upstream is asked in HTTP/1.1 (RFC 6455), which every WebSocket server speaks, so
//! what that handshake has and this one has not is said and checked here.

use super::error::ProxyError;
use super::headers;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION};
use http::{HeaderMap, HeaderValue, Method, Request};
use hyper::ext::Protocol;

/// What a server appends to a key before it hashes it (RFC 6455, section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The key that an upstream has yet to answer.
pub struct Key(String);

/// Turns an extended CONNECT for WebSocket into the GET that asks for the same. Any other request stays as it is.
///
/// # Errors
/// When the request is a CONNECT for anything else.
pub fn open<B>(request: &mut Request<B>) -> Result<Option<Key>, ProxyError> {
    if request.method() != Method::CONNECT {
        return Ok(None);
    }
    let protocol = request.extensions_mut().remove::<Protocol>();
    if protocol.is_none_or(|protocol| protocol.as_str() != "websocket") {
        return Err(ProxyError::Connect);
    }
    let key = Key::random();
    *request.method_mut() = Method::GET;
    let headers = request.headers_mut();
    headers::switch_to(headers, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::try_from(&key.0).expect("Base64 is visible ASCII"));
    headers.entry(SEC_WEBSOCKET_VERSION).or_insert(HeaderValue::from_static("13"));
    Ok(Some(key))
}

impl Key {
    /// Nothing is kept secret by it: it only must not be one that a cache could have seen before.
    fn random() -> Self {
        Self(STANDARD.encode(fastrand::u128(..).to_be_bytes()))
    }

    /// Whether an upstream's header proves that it has read the key.
    pub fn is_answered(&self, headers: &HeaderMap) -> bool {
        let mut answers = headers.get_all(SEC_WEBSOCKET_ACCEPT).iter();
        let only = answers.next().filter(|_| answers.next().is_none());
        only.is_some_and(|answer| answer.as_bytes() == self.answer().as_bytes())
    }

    fn answer(&self) -> String {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{}{GUID}", self.0).as_bytes());
        STANDARD.encode(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_answer_of_the_rfc() {
        let key = Key("dGhlIHNhbXBsZSBub25jZQ==".to_owned());
        let answered = |answers: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for answer in answers {
                headers.append(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static(answer));
            }
            key.is_answered(&headers)
        };
        let right = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert!(answered(&[right]));
        for wrong in [&[][..], &[""], &["s3pPLMBiTxaQ9kYGzzhZRbK+xOo"], &[right, right]] {
            assert!(!answered(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_key_is_sixteen_bytes_and_never_the_same() {
        let (one, other) = (Key::random(), Key::random());
        assert_eq!(STANDARD.decode(&one.0).unwrap().len(), 16);
        assert_ne!(one.0, other.0);
    }

    #[test]
    fn only_websocket_is_worth_a_tunnel() {
        let asked = |protocol: Option<&'static str>| {
            let mut request = Request::connect("http://a/chat").body(()).unwrap();
            if let Some(protocol) = protocol {
                request.extensions_mut().insert(Protocol::from_static(protocol));
            }
            let outcome = open(&mut request);
            outcome.map(|key| (key.is_some(), request))
        };
        for other in [None, Some("connect-udp"), Some("websocket2"), Some("")] {
            assert!(matches!(asked(other), Err(ProxyError::Connect)), "{other:?}");
        }
        let (opened, request) = asked(Some("websocket")).unwrap();
        assert!(opened && request.method() == Method::GET);
        assert_eq!(request.headers()[SEC_WEBSOCKET_VERSION], "13");
    }
}
