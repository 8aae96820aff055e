//! WebSocket and other switches of protocol (RFC 9110, section 7.8): when both sides agree, their connections are one pipe.

use super::body::{RequestBody, ResponseBody};
use super::error::UpstreamError;
use super::headers;
use super::record::Record;
use super::response::SWITCHED_IN_HTTP2;
use super::websocket::Key;
use bytes::Bytes;
use http::header::{SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, on};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

/// A caller's side of a switch that the upstream has yet to agree to.
pub struct Upgrade {
    caller: OnUpgrade,
    /// What attache asks the upstream for a caller of HTTP/2.
    key: Option<Key>,
}

impl Upgrade {
    /// Passes the caller's wish on, where there is one. In HTTP/1.0 it does not count.
    pub fn ask(
        protocol: Option<HeaderValue>,
        key: Option<Key>,
        request: &mut Request<RequestBody>,
    ) -> Option<Self> {
        let counts = key.is_some() || request.version() == Version::HTTP_11;
        let protocol = protocol.filter(|_| counts)?;
        let caller = on(&mut *request);
        headers::switch_to(request.headers_mut(), protocol);
        Some(Self { caller, key })
    }

    /// The switch, if the upstream agrees to one that was asked for.
    ///
    /// # Errors
    /// When the upstream switches unasked or without proof, or says neither yes nor no to a caller of HTTP/2, who would
    /// take any success for a yes.
    pub fn agreed<B>(asked: Option<Self>, response: &Response<B>) -> Result<Option<Self>, UpstreamError> {
        let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        match asked {
            Some(Self { key: Some(key), caller }) if switches && key.is_answered(response.headers()) => {
                Ok(Some(Self { caller, key: Some(key) }))
            }
            Some(Self { key: Some(_), .. }) if switches || response.status().is_success() => {
                Err(UpstreamError::Upgrade)
            }
            Some(Self { key: None, caller }) if switches => Ok(Some(Self { caller, key: None })),
            None if switches => Err(UpstreamError::Upgrade),
            Some(_) | None => Ok(None),
        }
    }

    /// Makes the caller's answer of the upstream's `101`, and the pipe that begins behind it.
    pub fn join(
        self,
        mut response: Response<Incoming>,
        mut record: Record,
    ) -> (Response<ResponseBody>, Pipe) {
        let upstream = on(&mut response);
        let protocol = response.headers().get(UPGRADE).cloned();
        let (mut parts, _) = response.into_parts();
        headers::for_caller(&mut parts.headers);
        if self.key.is_some() {
            parts.status = SWITCHED_IN_HTTP2;
            parts.headers.remove(SEC_WEBSOCKET_ACCEPT);
        } else if let Some(protocol) = protocol {
            headers::switch_to(&mut parts.headers, protocol);
        }
        record.status(parts.status);
        let pipe = Pipe { caller: self.caller, upstream, record };
        (Response::from_parts(parts, ResponseBody::own(Bytes::new())), pipe)
    }
}

/// Two connections that have become one. The record ends with it.
pub struct Pipe {
    caller: OnUpgrade,
    upstream: OnUpgrade,
    record: Record,
}

impl Pipe {
    /// Carries bytes in both directions until both have ended, or one breaks.
    pub async fn run(mut self) {
        if let (Ok(caller), Ok(upstream)) = tokio::join!(self.caller, self.upstream) {
            // Either side may go at any time; that is how such a pipe ends.
            let _ = copy_bidirectional(&mut TokioIo::new(caller), &mut TokioIo::new(upstream)).await;
        }
        self.record.complete();
    }
}
