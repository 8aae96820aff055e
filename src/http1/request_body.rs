//! The body of a caller's request.

use super::conn_io::Shared;
use super::error::Error;
use super::rewind::Rewind;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;

/// The body of a caller's request, read from its connection on demand.
pub struct RequestBody {
    /// The connection; `None` after the end of the body.
    shared: Option<Shared>,
    switch: Option<oneshot::Receiver<Rewind>>,
}

impl RequestBody {
    /// The body that follows on a connection, if there is one, and the receiver of the stream after a switch of protocols.
    pub(super) fn new(shared: Option<Shared>, switch: Option<oneshot::Receiver<Rewind>>) -> Self {
        Self { shared, switch }
    }

    /// The receiver of the stream after a response that switches to another protocol. The first call returns it, if the request
    /// has `Upgrade`.
    pub fn take_switch(&mut self) -> Option<oneshot::Receiver<Rewind>> {
        self.switch.take()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(shared) = &self.shared else { return Poll::Ready(None) };
        let (frame, is_over) = {
            let mut io = shared.lock();
            (ready!(io.poll_frame(context)), io.body().is_over())
        };
        if is_over {
            self.shared = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.shared.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.shared.as_ref().map_or(SizeHint::with_exact(0), |shared| shared.lock().body().size_hint())
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.lock().lose_reader();
        }
    }
}
