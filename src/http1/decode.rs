//! Reads the body of a message.

use super::chunked::{Chunked, Piece};
use super::error::Error;
use super::framing::Length;
use super::read::ReadBuffer;
use super::stream::Stream;
use bytes::{Buf, Bytes};
use http_body::{Frame, SizeHint};
use std::task::{Context, Poll, ready};

/// What is left to read of a body.
#[derive(Debug)]
pub(super) enum Decoder {
    /// Nothing: the body has been read to its end.
    Ended,
    /// This many bytes.
    Exact(u64),
    /// Chunks. The decoder is boxed, because few bodies are chunked.
    Chunked(Box<Chunked>),
    /// Everything until the end of the connection.
    UntilClose,
    /// Nothing: the body is incomplete or malformed. What follows on the connection must not be used.
    Broken,
}

impl From<Length> for Decoder {
    fn from(length: Length) -> Self {
        match length {
            Length::Exact(0) => Self::Ended,
            Length::Exact(length) => Self::Exact(length),
            Length::Chunked => Self::Chunked(Box::new(Chunked::new())),
            Length::UntilClose => Self::UntilClose,
        }
    }
}

impl Decoder {
    /// Whether the body has been read to its end.
    pub(super) fn is_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// Whether there is nothing left to read.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Ended | Self::Broken)
    }

    /// Marks the body as incomplete, unless it has ended.
    pub(super) fn break_off(&mut self) {
        if !self.is_ended() {
            *self = Self::Broken;
        }
    }

    /// What is known about the number of bytes left.
    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ended => SizeHint::with_exact(0),
            Self::Exact(rest) => SizeHint::with_exact(*rest),
            Self::Chunked(_) | Self::UntilClose | Self::Broken => SizeHint::default(),
        }
    }

    /// Whether the body is complete with these bytes if the connection has ended after them. Removes it from the bytes.
    pub(super) fn ends_within(self, held: &mut Bytes) -> bool {
        match self {
            Self::Ended => true,
            Self::UntilClose => {
                held.clear();
                true
            }
            Self::Broken => false,
            Self::Exact(rest) => {
                let is_whole = rest <= held.len() as u64;
                held.advance(usize::try_from(rest).unwrap_or(usize::MAX).min(held.len()));
                is_whole
            }
            Self::Chunked(mut chunked) => loop {
                match chunked.next(held) {
                    Ok(Piece::Data(_)) => {}
                    Ok(Piece::End | Piece::Trailers(_)) => return true,
                    Ok(Piece::NotYet) | Err(_) => return false,
                }
            },
        }
    }

    /// Reads the next frame of the body; returns `None` at its end.
    pub(super) fn poll_frame(
        &mut self,
        buffer: &mut ReadBuffer,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(self.poll_next(buffer, stream, context)).transpose();
        match frame {
            Some(Ok(_)) => {}
            Some(Err(_)) => *self = Self::Broken,
            None => *self = Self::Ended,
        }
        Poll::Ready(frame)
    }

    fn poll_next(
        &mut self,
        buffer: &mut ReadBuffer,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Frame<Bytes>>, Error>> {
        match self {
            Self::Ended => Poll::Ready(Ok(None)),
            Self::Broken => Poll::Ready(Err(Error::Incomplete)),
            Self::Exact(rest) => {
                let data = ready!(buffer.poll_data(stream, context, *rest))?;
                if data.is_empty() {
                    return Poll::Ready(Err(Error::Incomplete));
                }
                *rest -= data.len() as u64;
                if *rest == 0 {
                    *self = Self::Ended;
                }
                Poll::Ready(Ok(Some(Frame::data(data))))
            }
            Self::UntilClose => {
                let data = ready!(buffer.poll_data(stream, context, u64::MAX))?;
                Poll::Ready(Ok((!data.is_empty()).then(|| Frame::data(data))))
            }
            Self::Chunked(chunked) => loop {
                match chunked.next(buffer.held())? {
                    Piece::Data(data) => return Poll::Ready(Ok(Some(Frame::data(data)))),
                    Piece::End => return Poll::Ready(Ok(None)),
                    Piece::Trailers(trailers) => {
                        *self = Self::Ended;
                        return Poll::Ready(Ok(Some(Frame::trailers(trailers))));
                    }
                    Piece::NotYet => {
                        if ready!(buffer.poll_more_of_body(stream, context))? == 0 {
                            return Poll::Ready(Err(Error::Incomplete));
                        }
                    }
                }
            },
        }
    }
}
