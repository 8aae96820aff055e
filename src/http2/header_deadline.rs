//! The deadline by which a header of HTTP/2 must be complete.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// The deadline of the element of a connection that has begun and is incomplete.
pub(super) struct HeaderDeadline {
    timeout: Duration,
    /// The number of the incomplete element, and its deadline.
    running: Option<(u64, Pin<Box<Sleep>>)>,
}

impl HeaderDeadline {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, running: None }
    }

    /// Resolves when the deadline of the element with this number has passed. It is polled only while there is nothing to read,
    /// so that received bytes that have not been read yet do not count as missing.
    pub(super) fn poll(&mut self, incomplete: Option<u64>, context: &mut Context<'_>) -> Poll<()> {
        let Some(number) = incomplete else {
            self.running = None;
            return Poll::Pending;
        };
        let timeout = self.timeout;
        let running = self.running.take().filter(|(running, _)| *running == number);
        let (_, end) = self.running.insert(running.unwrap_or_else(|| (number, Box::pin(sleep(timeout)))));
        end.as_mut().poll(context)
    }
}
