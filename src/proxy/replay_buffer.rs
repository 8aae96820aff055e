//! A copy of the beginning of a body, so that the body can be sent a second time.

use bytes::Bytes;
use http_body::Frame;
use std::collections::VecDeque;
use tokio::sync::oneshot;

/// The maximum length of a copy, in bytes.
const MAX_KEPT: usize = 64 * 1024;
/// A copy of what has been taken of a body, while it is short.
pub struct ReplayBuffer<B> {
    taken: VecDeque<Bytes>,
    length: usize,
    back: oneshot::Sender<B>,
}

impl<B> ReplayBuffer<B> {
    /// An empty copy, and where the body comes back.
    pub fn new() -> (Self, oneshot::Receiver<B>) {
        let (back, coming) = oneshot::channel();
        (Self { taken: VecDeque::new(), length: 0, back }, coming)
    }

    /// Notes what has just been taken. Too much of it, trailers and a failure end the copy.
    pub fn note<E>(mut self, frame: Result<&Frame<Bytes>, E>) -> Option<Self> {
        let data = frame.ok()?.data_ref()?;
        self.length += data.len();
        self.taken.push_back(data.clone());
        (self.length <= MAX_KEPT).then_some(self)
    }

    /// Sends the body back, made of what had been taken and what comes after it.
    pub fn give_back(self, mut after: VecDeque<Bytes>, body: impl FnOnce(VecDeque<Bytes>) -> B) {
        let mut parts = self.taken;
        parts.append(&mut after);
        // It is not waited for unless the request is sent again.
        let _ = self.back.send(body(parts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn note(buffer: ReplayBuffer<()>, length: usize) -> Option<ReplayBuffer<()>> {
        buffer.note(Ok::<_, ()>(&Frame::data(vec![0; length].into())))
    }

    #[test]
    fn a_copy_ends_where_it_is_long_or_odd() {
        let buffer = || note(ReplayBuffer::new().0, 1).unwrap();
        assert!(note(buffer(), MAX_KEPT - 1).is_some());
        assert!(note(buffer(), MAX_KEPT).is_none());
        assert!(buffer().note(Ok::<_, ()>(&Frame::trailers(HeaderMap::new()))).is_none());
        assert!(buffer().note(Err(())).is_none());
    }
}
