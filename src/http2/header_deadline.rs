//! Until when a header of HTTP/2 must be whole.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// The time that what has begun on a connection has left.
pub(super) struct HeaderDeadline {
    timeout: Duration,
    /// The number of what is incomplete, and its end.
    running: Option<(u64, Pin<Box<Sleep>>)>,
}

impl HeaderDeadline {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, running: None }
    }

    /// Resolves when what has this number has been incomplete for too long. It is asked only while nothing comes, so that the
    /// time of what has come and is not read does not count.
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
