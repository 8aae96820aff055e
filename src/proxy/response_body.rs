//! The body that a caller gets, streamed frame by frame, and what its end sets off.

use super::message_error::MessageError;
use super::pool::PooledConnection;
use super::request_body::clean_trailers;
use super::request_log::RequestLog;
use super::upstream_body::UpstreamBody;
use crate::diagnostics::DiagnosticCode;
use bytes::Bytes;
use http::HeaderName;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What a caller gets: an upstream's body, or attache's own few words.
pub struct ResponseBody {
    source: Source,
    /// Written when the body has been sent or dropped.
    record: Option<RequestLog>,
}

enum Source {
    Own(Option<Bytes>),
    Upstream { body: UpstreamBody, pooled: Option<PooledConnection>, routing_header: Option<HeaderName> },
}

impl ResponseBody {
    /// A body that attache writes itself.
    pub fn own(text: Bytes) -> Self {
        Self { source: Source::Own((!text.is_empty()).then_some(text)), record: None }
    }

    /// An upstream's body. Its connection goes back to the pool when the body has been read to the end.
    pub fn upstream(
        body: UpstreamBody,
        pooled: PooledConnection,
        routing_header: Option<&HeaderName>,
    ) -> Self {
        let routing_header = routing_header.filter(|_| !body.is_end_stream()).cloned();
        let source = Source::Upstream { body, pooled: Some(pooled), routing_header };
        let mut this = Self { source, record: None };
        this.end_when_read();
        this
    }

    /// The same body, with the record that its end completes.
    pub fn recorded_in(mut self, record: RequestLog) -> Self {
        self.record = Some(record);
        self.end_when_read();
        self
    }

    /// Has an upstream's body read in pieces of 16 KiB at most, because the caller may not take what has been read.
    pub fn read_little(&mut self) {
        match &mut self.source {
            Source::Upstream { body: UpstreamBody::Http1(body), .. } => body.read_little(),
            Source::Upstream { body: UpstreamBody::Http2(_) | UpstreamBody::Ended, .. } | Source::Own(_) => {}
        }
    }

    /// Gives the connection back, and completes the record, once the upstream's body has been read to its end.
    fn end_when_read(&mut self) {
        let Source::Upstream { body, pooled, .. } = &mut self.source else { return };
        if !body.is_end_stream() {
            return;
        }
        if let Some(pooled) = pooled.take() {
            pooled.give_back(body.end());
        }
        if let Some(record) = &mut self.record {
            record.complete();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = MessageError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, MessageError>>> {
        let frame = match &mut self.source {
            Source::Own(text) => text.take().map(|text| Ok(Frame::data(text))),
            Source::Upstream { body, routing_header, .. } => {
                let mut frame = ready!(Pin::new(body).poll_frame(context));
                clean_trailers(&mut frame, routing_header.as_ref());
                frame
            }
        };
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(record), Some(data)) = (&mut self.record, frame.data_ref()) {
                    record.sent(data.len());
                }
                self.end_when_read();
            }
            Some(Err(_)) => {
                if let Some(record) = &mut self.record {
                    record.failed(DiagnosticCode::UpstreamBroken);
                }
            }
            None => {
                self.end_when_read();
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(text) => text.is_none(),
            Source::Upstream { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Source::Upstream { body, .. } => body.size_hint(),
        }
    }
}
