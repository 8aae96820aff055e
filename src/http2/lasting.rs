//! A caller's connection that continues after a refused CONNECT. hyper resets the stream of a CONNECT that has a length, as it
//! should, and then reports that the connection has ended, although its other streams continue (RFC 9113, section 8.1.1).

use super::flushes::Flushes;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The future of a connection, which resolves when nothing more will be written.
pub struct Lasting<C> {
    connection: Pin<Box<C>>,
    flushes: Flushes,
    /// The maximum number of consecutive ends that are ignored.
    max_streams: u32,
}

impl<C> Lasting<C> {
    /// The connection with these flushes, on which so many streams may be open.
    pub fn new(connection: C, flushes: Flushes, max_streams: u32) -> Self {
        Self { connection: Box::pin(connection), flushes, max_streams }
    }

    /// The wrapped connection.
    pub fn connection(&mut self) -> Pin<&mut C> {
        self.connection.as_mut()
    }
}

impl<C: Future<Output = Result<(), E>>, E> Future for Lasting<C> {
    type Output = Result<(), E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), E>> {
        // Each CONNECT causes one such end.
        for _ in 0..=self.max_streams {
            let outcome = ready!(self.connection.as_mut().poll(context));
            if outcome.is_err() || self.flushes.are_shut() {
                return Poll::Ready(outcome);
            }
        }
        Poll::Ready(Ok(()))
    }
}
