//! A caller's body as it comes, over either version of HTTP.

use super::message_error::MessageError;
use crate::http1::check_fields;
use crate::http1::request_body;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A caller's body as it comes.
pub enum Incoming {
    /// Over HTTP/1.
    Http1(request_body::RequestBody),
    /// Over HTTP/2.
    Http2(hyper::body::Incoming),
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = MessageError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, MessageError>>> {
        match &mut *self {
            Self::Http1(body) => Pin::new(body).poll_frame(context).map_err(MessageError::Http1),
            Self::Http2(body) => poll_http2(body, context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}

/// The next frame over HTTP/2. Its library also takes a reset with NO_ERROR for the end of a body. Only END_STREAM is one, so a
/// body without it breaks off (RFC 9113, section 8.1).
pub(super) fn poll_http2(
    body: &mut hyper::body::Incoming,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, MessageError>>> {
    let frame = ready!(Pin::new(&mut *body).poll_frame(context));
    if frame.is_none() && !body.is_end_stream() {
        return Poll::Ready(Some(Err(MessageError::Incomplete)));
    }
    Poll::Ready(held_to_limits(frame))
}

/// A frame of HTTP/2, whose library holds trailers to other limits than HTTP/1.1 does.
pub(super) fn held_to_limits(
    frame: Option<Result<Frame<Bytes>, hyper::Error>>,
) -> Option<Result<Frame<Bytes>, MessageError>> {
    frame.map(|frame| {
        let frame = frame?;
        if let Some(trailers) = frame.trailers_ref() {
            check_fields(trailers, 0)?;
        }
        Ok(frame)
    })
}
