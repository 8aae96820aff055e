//! Bodies of HTTP/2 that break off behind what came before. The HTTP/2 library throws away what is queued on a stream that it
//! resets, be it the header of the response. So a break is held back until the connection has been flushed.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

/// A flush may have begun before the last frame was queued. The second one has not.
const ENOUGH: u64 = 2;

/// The flushes of one connection. Cloning is cheap and gives the same connection.
#[derive(Clone, Default)]
pub struct Flushes(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    number: u64,
    is_shut: bool,
    /// What drives the connection, and flushes it whenever it is woken.
    connection: Option<Waker>,
    waiting: Vec<Waker>,
}

impl Flushes {
    /// The connection is about to be flushed by the task of this context.
    #[inline]
    pub fn begin(&self, context: &Context<'_>) {
        let mut state = self.state();
        match &mut state.connection {
            Some(connection) => connection.clone_from(context.waker()),
            None => state.connection = Some(context.waker().clone()),
        }
    }

    /// Everything that was queued is written.
    #[inline]
    pub fn end(&self) {
        let mut state = self.state();
        state.number += 1;
        for waiting in std::mem::take(&mut state.waiting) {
            waiting.wake();
        }
    }

    /// Nothing more will be written.
    pub fn shut(&self) {
        self.state().is_shut = true;
    }

    /// Whether nothing more will be written.
    pub fn are_shut(&self) -> bool {
        self.state().is_shut
    }

    fn number(&self) -> u64 {
        self.state().number
    }

    /// Has the connection flushed, and resolves when everything is written that was queued before flush number `since`.
    fn poll_after(&self, since: u64, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.number >= since + ENOUGH {
            return Poll::Ready(());
        }
        state.waiting.push(context.waker().clone());
        if let Some(connection) = &state.connection {
            connection.wake_by_ref();
        }
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere ends the connection.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body whose break is told when everything before it is written.
pub struct FlushedBody<B: Body> {
    body: B,
    flushes: Flushes,
    /// Why it broke off, and how often the connection had been flushed by then.
    broken: Option<(B::Error, u64)>,
}

impl<B: Body> FlushedBody<B> {
    /// A body that goes out on the connection with these flushes.
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
                Some(Err(error)) => self.broken = Some((error, self.flushes.number())),
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
