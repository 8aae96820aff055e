//! WebSocket and other switches of protocol (RFC 9110, section 7.8): after `101` the two connections are one pipe.

use super::body::{RequestBody, ResponseBody};
use super::headers;
use super::record::Record;
use crate::tasks::Tasks;
use bytes::Bytes;
use http::header::UPGRADE;
use http::{HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, on};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

/// A caller's side of a switch that the upstream has yet to agree to.
pub struct Upgrade(OnUpgrade);

impl Upgrade {
    /// Passes the caller's wish on, where there is one. In HTTP/1.0 it does not count.
    pub fn ask(protocol: Option<HeaderValue>, request: &mut Request<RequestBody>) -> Option<Self> {
        let protocol = protocol.filter(|_| request.version() == Version::HTTP_11)?;
        let caller = on(&mut *request);
        headers::switch_to(request.headers_mut(), protocol);
        Some(Self(caller))
    }

    /// Joins both sides in a task of this group, and makes the caller's `101`. The record ends with the pipe.
    pub fn join(
        self,
        mut response: Response<Incoming>,
        mut record: Record,
        tasks: &Tasks,
    ) -> Response<ResponseBody> {
        let upstream = on(&mut response);
        let protocol = response.headers().get(UPGRADE).cloned();
        let (mut parts, _) = response.into_parts();
        headers::for_caller(&mut parts.headers);
        if let Some(protocol) = protocol {
            headers::switch_to(&mut parts.headers, protocol);
        }
        tasks.spawn(async move {
            if let (Ok(caller), Ok(upstream)) = tokio::join!(self.0, upstream) {
                // Either side may go at any time; that is how such a pipe ends.
                let _ = copy_bidirectional(&mut TokioIo::new(caller), &mut TokioIo::new(upstream)).await;
            }
            record.complete();
        });
        Response::from_parts(parts, ResponseBody::own(Bytes::new()))
    }
}
