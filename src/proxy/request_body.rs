//! A caller's body on its way to the upstream, streamed frame by frame.

use super::headers;
use super::incoming::Incoming;
use super::message_error::MessageError;
use super::replay_buffer::ReplayBuffer;
use crate::http1::rewind::Rewind;
use bytes::Bytes;
use http::HeaderName;
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::sync::{Notify, oneshot};

/// A caller's body on its way to the upstream. Tells when its last frame has been taken.
pub struct RequestBody {
    inner: Option<Incoming>,
    sent: Sent,
    /// Boxed, because few bodies have any.
    repeat: Option<Box<Repeat>>,
    switch: Option<oneshot::Receiver<Rewind>>,
    /// Stands in no trailers.
    routing_header: Option<HeaderName>,
}

/// What a body needs to be sent more than once.
#[derive(Default)]
struct Repeat {
    /// What has been taken before, and comes first.
    again: VecDeque<Bytes>,
    buffer: Option<ReplayBuffer<RequestBody>>,
}

/// How much of a request's body has been handed over, and whether to the end. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Sent(Option<Arc<SentFlag>>);

#[derive(Default)]
struct SentFlag {
    done: AtomicBool,
    broken: AtomicBool,
    changed: Notify,
    bytes: AtomicU64,
}

impl Sent {
    /// Resolves when the end has been handed over.
    pub async fn finished(&self) {
        if let Some(flag) = &self.0 {
            while !flag.done.load(Ordering::Acquire) {
                flag.changed.notified().await;
            }
        }
    }

    /// Whether the end has been handed over.
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(|flag| flag.done.load(Ordering::Acquire))
    }

    /// Whether the caller broke off before the end, or sent what is no body.
    pub fn is_broken(&self) -> bool {
        self.0.as_ref().is_some_and(|flag| flag.broken.load(Ordering::Acquire))
    }

    /// How many bytes of the body have come from the caller.
    pub fn bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |flag| flag.bytes.load(Ordering::Relaxed))
    }

    fn count(&self, bytes: usize) {
        if let Some(flag) = &self.0 {
            flag.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    fn break_off(&self) {
        if let Some(flag) = &self.0 {
            flag.broken.store(true, Ordering::Release);
        }
    }

    fn finish(&self) {
        if let Some(flag) = &self.0 {
            flag.done.store(true, Ordering::Release);
            // One waiter at most, and `notify_one` also reaches a waiter that has not begun to wait.
            flag.changed.notify_one();
        }
    }
}

impl RequestBody {
    /// The body that a caller sends.
    pub fn new(mut inner: Incoming) -> Self {
        let switch = match &mut inner {
            Incoming::Http1(body) => body.take_switch(),
            Incoming::Http2(_) => None,
        };
        let mut body = if inner.is_end_stream() {
            Self::empty()
        } else {
            Self::part(VecDeque::new(), Some(inner), Sent(Some(Arc::default())))
        };
        body.switch = switch;
        body
    }

    /// No body.
    pub fn empty() -> Self {
        Self::again(VecDeque::new())
    }

    /// A body of which nothing is to come.
    pub fn again(parts: VecDeque<Bytes>) -> Self {
        Self::part(parts, None, Sent::default())
    }

    fn part(again: VecDeque<Bytes>, inner: Option<Incoming>, sent: Sent) -> Self {
        let repeat = (!again.is_empty()).then(|| Box::new(Repeat { again, buffer: None }));
        Self { inner, sent, repeat, switch: None, routing_header: None }
    }

    /// Leaves the routing header out of the trailers, too.
    pub fn leave_out(&mut self, routing_header: Option<&HeaderName>) {
        if self.inner.is_some() {
            self.routing_header = routing_header.cloned();
        }
    }

    /// Copies from now on what is taken. When this body is dropped, another comes out here that begins where this one is
    /// now, unless the copy grew too long.
    pub fn pin(&mut self) -> oneshot::Receiver<Self> {
        let (buffer, back) = ReplayBuffer::new();
        self.repeat.get_or_insert_default().buffer = Some(buffer);
        back
    }

    /// What comes behind a response that switches a caller of HTTP/1.1 to another protocol, where that was asked for.
    pub fn take_switch(&mut self) -> Option<oneshot::Receiver<Rewind>> {
        self.switch.take()
    }

    /// Tells when the body has been handed over.
    pub fn sent(&self) -> Sent {
        self.sent.clone()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = MessageError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, MessageError>>> {
        let this = &mut *self;
        let part = this.repeat.as_mut().and_then(|repeat| repeat.again.pop_front());
        let frame = match (part, &mut this.inner) {
            (Some(part), _) => Some(Ok(Frame::data(part))),
            (None, None) => None,
            (None, Some(inner)) => {
                let mut frame = ready!(Pin::new(&mut *inner).poll_frame(context));
                clean_trailers(&mut frame, this.routing_header.as_ref());
                if let Some(Ok(frame)) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    this.sent.count(data.len());
                }
                if matches!(frame, Some(Err(_))) {
                    this.sent.break_off();
                } else if frame.is_none() || inner.is_end_stream() {
                    this.sent.finish();
                }
                frame
            }
        };
        if let (Some(repeat), Some(frame)) = (&mut this.repeat, &frame) {
            repeat.buffer = repeat.buffer.take().and_then(|buffer| buffer.note(frame.as_ref()));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.repeat.as_ref().is_none_or(|repeat| repeat.again.is_empty())
            && self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let parts = self.repeat.iter().flat_map(|repeat| &repeat.again);
        let again = parts.map(|part| part.len() as u64).sum::<u64>();
        match self.inner.as_ref().map_or(Some(0), |inner| inner.size_hint().exact()) {
            Some(rest) => SizeHint::with_exact(again + rest),
            None => SizeHint::default(),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(Repeat { again, buffer: Some(buffer) }) = self.repeat.take().map(|repeat| *repeat) {
            buffer.give_back(again, |again| {
                let mut rest = Self::part(again, self.inner.take(), self.sent.clone());
                rest.routing_header = self.routing_header.take();
                rest
            });
        }
    }
}

pub(super) fn clean_trailers(
    frame: &mut Option<Result<Frame<Bytes>, MessageError>>,
    routing_header: Option<&HeaderName>,
) {
    if let Some(Ok(frame)) = frame
        && let Some(trailers) = frame.trailers_mut()
    {
        headers::for_trailers(trailers, routing_header);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn a_body_comes_back_from_its_beginning_however_often() {
        let (buffer, coming) = ReplayBuffer::new();
        let parts = ["one ", "two ", "three"].map(Bytes::from).into();
        buffer.give_back(parts, RequestBody::again);
        let mut body = coming.await.unwrap();
        for taken in 0..3 {
            let coming = body.pin();
            for _ in 0..taken {
                body.frame().await.unwrap().unwrap();
            }
            drop(body);
            body = coming.await.unwrap();
            assert_eq!(body.size_hint().exact(), Some(13));
        }
        assert_eq!(body.collect().await.unwrap().to_bytes(), "one two three");
    }
}
