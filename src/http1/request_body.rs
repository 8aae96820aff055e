//! The body of a caller's request.

use super::error::Error;
use super::rewind::Rewind;
use super::wire::Shared;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;

/// The body of a caller's request, read from its connection as it is wanted.
pub struct RequestBody {
    /// `None` behind the end.
    shared: Option<Shared>,
    switch: Option<oneshot::Receiver<Rewind>>,
}

impl RequestBody {
    /// The body that comes next on a connection, if there is any, and what comes behind a switch of protocols.
    pub(super) fn new(shared: Option<Shared>, switch: Option<oneshot::Receiver<Rewind>>) -> Self {
        Self { shared, switch }
    }

    /// What comes behind a response that switches to another protocol: once, and only where the request asks for it.
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
            let mut wire = shared.wire();
            (ready!(wire.poll_frame(context)), wire.body().is_over())
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
        self.shared.as_ref().map_or(SizeHint::with_exact(0), |shared| shared.wire().body().size_hint())
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.wire().lose_reader();
        }
    }
}
