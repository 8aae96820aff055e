//! WebSocket and other switches of protocol (RFC 9110, section 7.8): when both sides agree, their connections are one pipe.

use super::error::UpstreamError;
use super::headers;
use super::request_body::RequestBody;
use super::request_log::RequestLog;
use super::response::SWITCHED_IN_HTTP2;
use super::response_body::ResponseBody;
use super::upstream_body::UpstreamBody;
use super::websocket::Key;
use crate::http1::rewind::Rewind;
use crate::http1::stream::Stream;
use bytes::Bytes;
use http::header::{SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, on};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio::sync::oneshot;

/// A caller's side of a switch that the upstream has yet to agree to.
pub struct Upgrade {
    caller: Caller,
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
        let protocol = protocol?;
        let caller = match key {
            Some(_) => Caller::Http2(on(&mut *request)),
            None => Caller::Http1(request.body_mut().take_switch()?),
        };
        headers::switch_to(request.headers_mut(), protocol);
        Some(Self { caller, key })
    }

    /// The switch, if the upstream agrees to one that was asked for.
    ///
    /// # Errors
    /// When the upstream switches unasked or without proof, or says neither yes nor no to a caller of HTTP/2, which would
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
        response: Response<UpstreamBody>,
        mut record: RequestLog,
    ) -> (Response<ResponseBody>, Pipe) {
        let protocol = response.headers().get(UPGRADE).cloned();
        let (mut parts, body) = response.into_parts();
        let upstream = body.into_stream();
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
    caller: Caller,
    upstream: Option<Rewind>,
    record: RequestLog,
}

/// A caller's connection, once it has been told of the switch.
enum Caller {
    /// All of it.
    Http1(oneshot::Receiver<Rewind>),
    /// One stream of it.
    Http2(OnUpgrade),
}

impl Pipe {
    /// Carries bytes in both directions until both have ended, or one breaks.
    pub async fn run(mut self) {
        if let Some(upstream) = self.upstream {
            match self.caller {
                Caller::Http1(caller) => join(caller.await, upstream).await,
                Caller::Http2(caller) => join(caller.await.map(TokioIo::new), upstream).await,
            }
        }
        self.record.complete();
    }
}

async fn join<S: Stream, E>(caller: Result<S, E>, mut upstream: Rewind) {
    if let Ok(mut caller) = caller {
        // Either side may go at any time; that is how such a pipe ends.
        let _ = copy_bidirectional(&mut caller, &mut upstream).await;
    }
}
