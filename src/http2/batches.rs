//! Joins the small pieces of an HTTP/2 body while the peer does not read. The HTTP/2 library queues each piece as a frame of
//! its own, which costs some 250 bytes in addition to the content.

use super::flushes::Flushes;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The length below which a piece is small, and from which a batch is passed on, in bytes.
const BATCH: usize = 4 << 10;
/// The number of small pieces that are passed on one by one between two flushes of the connection, so that events of a peer
/// that reads arrive at once.
const MAX_SMALL_PIECES: u32 = 8;

/// A body that is sent on a connection with flushes. Its small pieces are joined from the time when several of them wait until the
/// connection has been flushed.
pub struct BatchedBody<B: Body> {
    body: B,
    flushes: Flushes,
    /// The number of flushes of the connection before the last small piece, and the number of small pieces since.
    since: u64,
    small: u32,
    batch: Vec<u8>,
    /// What follows the batch: a larger piece, trailers, an error, or the end.
    next: Option<Option<Result<Frame<Bytes>, B::Error>>>,
}

impl<B: Body> BatchedBody<B> {
    /// Wraps a body that is sent on the connection with these flushes.
    pub fn new(body: B, flushes: Flushes) -> Self {
        Self { body, flushes, since: 0, small: 0, batch: Vec::new(), next: None }
    }

    /// The wrapped body. Pieces that have been taken from it and not passed on are lost.
    pub fn into_inner(self) -> B {
        self.body
    }

    /// Counts a small piece. Returns whether it must be joined with others.
    fn is_behind(&mut self) -> bool {
        let number = self.flushes.number();
        if number != self.since {
            (self.since, self.small) = (number, 0);
        }
        self.small = self.small.saturating_add(1);
        self.small > MAX_SMALL_PIECES
    }

    fn take_batch(&mut self) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.batch).into()))))
    }
}

/// The content of a frame that is small.
fn small<E>(frame: &Option<Result<Frame<Bytes>, E>>) -> Option<&Bytes> {
    let data = frame.as_ref()?.as_ref().ok()?.data_ref()?;
    (1..BATCH).contains(&data.len()).then_some(data)
}

impl<B: Body<Data = Bytes, Error: Unpin> + Unpin> Body for BatchedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        if let Some(next) = this.next.take() {
            return Poll::Ready(next);
        }
        loop {
            let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
                if !this.batch.is_empty() {
                    ready!(this.flushes.poll_after(this.since, context));
                    return this.take_batch();
                }
                return Poll::Pending;
            };
            match small(&frame) {
                Some(data) if this.is_behind() => this.batch.extend_from_slice(data),
                Some(_) | None if this.batch.is_empty() => return Poll::Ready(frame),
                Some(_) | None => {
                    this.next = Some(frame);
                    return this.take_batch();
                }
            }
            if this.batch.len() >= BATCH {
                return this.take_batch();
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.next {
            Some(next) => next.is_none(),
            None => self.batch.is_empty() && self.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let next =
            self.next.iter().flatten().flatten().filter_map(Frame::data_ref).map(Bytes::len).sum::<usize>();
        let taken = (self.batch.len() + next) as u64;
        match self.body.size_hint().exact() {
            Some(rest) => SizeHint::with_exact(taken + rest),
            None => SizeHint::default(),
        }
    }
}
