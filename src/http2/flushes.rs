//! Bodies of HTTP/2 whose failure is reported after everything before it has been sent. When the HTTP/2 library resets a stream, it
//! discards the frames queued on it, even the header of the response. So a failure is held back until the connection has been
//! flushed.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

/// The number of flushes after which everything has been written that was queued before. The first may have begun before the last
/// frame was queued; the second has not.
const ENOUGH: u64 = 2;

/// The flushes of one connection. Clones refer to the same connection.
#[derive(Clone, Default)]
pub struct Flushes(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    number: u64,
    is_shut: bool,
    /// The task that drives the connection, and flushes it whenever it is woken.
    connection: Option<Waker>,
    waiting: Vec<Waker>,
}

impl Flushes {
    /// Records that the task of this context is about to flush the connection.
    #[inline]
    pub fn begin(&self, context: &Context<'_>) {
        let mut state = self.state();
        match &mut state.connection {
            Some(connection) => connection.clone_from(context.waker()),
            None => state.connection = Some(context.waker().clone()),
        }
    }

    /// Records that everything that was queued has been written.
    #[inline]
    pub fn end(&self) {
        let mut state = self.state();
        state.number += 1;
        for waiting in std::mem::take(&mut state.waiting) {
            waiting.wake();
        }
    }

    /// Records that nothing more will be written.
    pub fn shut(&self) {
        self.state().is_shut = true;
    }

    /// Whether nothing more will be written.
    pub fn are_shut(&self) -> bool {
        self.state().is_shut
    }

    pub(super) fn number(&self) -> u64 {
        self.state().number
    }

    /// Causes a flush, and resolves when there have been more flushes than `since`.
    pub(super) fn poll_after(&self, since: u64, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.number > since {
            return Poll::Ready(());
        }
        // A body is polled for each piece of its content, and waits for the same flush.
        if !state.waiting.iter().any(|waiting| waiting.will_wake(context.waker())) {
            state.waiting.push(context.waker().clone());
        }
        if let Some(connection) = &state.connection {
            connection.wake_by_ref();
        }
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in another place ends the connection.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body whose failure is reported when everything before it has been written.
pub struct FlushedBody<B: Body> {
    body: B,
    flushes: Flushes,
    /// Why the body failed, and the number of flushes of the connection after which that is reported.
    broken: Option<(B::Error, u64)>,
}

impl<B: Body> FlushedBody<B> {
    /// Wraps a body that is sent on the connection with these flushes.
    pub fn new(body: B, flushes: Flushes) -> Self {
        Self { body, flushes, broken: None }
    }
}

impl<B: Body<Data = Bytes, Error: Unpin> + Unpin> Body for FlushedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.broken.is_none() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Err(error)) => self.broken = Some((error, self.flushes.number() + ENOUGH - 1)),
                frame => return Poll::Ready(frame),
            }
        }
        if let Some((_, since)) = &self.broken {
            ready!(self.flushes.poll_after(*since, context));
        }
        Poll::Ready(self.broken.take().map(|(error, _)| Err(error)))
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
