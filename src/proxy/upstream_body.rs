//! An upstream's body as it comes, over either version of HTTP.

use super::incoming::{held_to_limits, poll_http2};
use super::message_error::MessageError;
use super::request_body::RequestBody;
use crate::http1::client::{self, Remains};
use crate::http1::rewind::Rewind;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// An upstream's body over HTTP/2.
pub struct Http2Body {
    /// What was taken before.
    taken: VecDeque<Frame<Bytes>>,
    rest: hyper::body::Incoming,
}

impl Http2Body {
    /// A body of which nothing was taken.
    pub fn new(rest: hyper::body::Incoming) -> Self {
        Self { taken: VecDeque::new(), rest }
    }

    /// A body on a connection that has ended: what has come of it is taken at once.
    ///
    /// # Errors
    /// When it is not whole.
    pub fn last(rest: hyper::body::Incoming) -> Result<Self, MessageError> {
        let mut this = Self::new(rest);
        let mut context = Context::from_waker(Waker::noop());
        while !this.rest.is_end_stream() {
            match Pin::new(&mut this.rest).poll_frame(&mut context) {
                Poll::Ready(Some(Ok(frame))) => this.taken.push_back(frame),
                Poll::Ready(Some(Err(_))) => return Err(MessageError::Incomplete),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Ok(this)
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, MessageError>>> {
        match self.taken.pop_front() {
            Some(frame) => Poll::Ready(held_to_limits(Some(Ok(frame)))),
            None => poll_http2(&mut self.rest, context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.taken.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let taken: u64 = self.taken.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum();
        match self.rest.size_hint().exact() {
            Some(rest) => SizeHint::with_exact(taken + rest),
            None => SizeHint::default(),
        }
    }
}

/// An upstream's body as it comes.
pub enum UpstreamBody {
    /// Over HTTP/1.1, with the connection that it comes on.
    Http1(client::ResponseBody<RequestBody>),
    /// Over HTTP/2.
    Http2(Http2Body),
    /// Nothing more of it.
    Ended,
}

impl UpstreamBody {
    /// What comes behind a header that switches to another protocol, which only HTTP/1.1 has.
    pub fn into_stream(self) -> Option<Rewind> {
        match self {
            Self::Http1(body) => Some(body.into_stream()),
            Self::Http2(_) | Self::Ended => None,
        }
    }

    /// Ends the body. What is left of the exchange, unless the connection has others.
    pub fn end(&mut self) -> Remains<RequestBody> {
        match std::mem::replace(self, Self::Ended) {
            Self::Http1(body) => body.end(),
            Self::Http2(_) | Self::Ended => Remains::Nothing,
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = MessageError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, MessageError>>> {
        match &mut *self {
            Self::Http1(body) => Pin::new(body).poll_frame(context).map_err(MessageError::from),
            Self::Http2(body) => body.poll_frame(context),
            Self::Ended => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
            Self::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
            Self::Ended => SizeHint::with_exact(0),
        }
    }
}
