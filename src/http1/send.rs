//! Writes a whole message: its header, and its body as it becomes available.

use super::encode::Encoder;
use super::error::Error;
use super::write::WriteBuffer;
use bytes::Bytes;
use http_body::Body;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Why a message was not written to its end.
#[derive(Debug)]
pub(super) enum SendError<E> {
    /// The source of its body failed.
    Body(E),
    /// The connection failed, or the body has another length than the header states.
    Message(Error),
}

/// A message that is being written.
pub(super) struct Sender<B: Body> {
    /// The rest of the body; `None` after its end.
    body: Option<B>,
    encoder: Encoder,
    /// The header states that there is no body, so the message is complete with its header.
    should_be_empty: bool,
    /// Nothing is written if the body fails before the first write.
    all_or_nothing: bool,
    out: WriteBuffer,
    /// A frame of the body has been taken.
    has_taken: bool,
    /// Why the body ended too early. It is reported after everything before it has been written.
    failure: Option<SendError<B::Error>>,
}

/// The outcome of taking frames from the body.
enum Filled {
    /// The body has no frame available.
    Waiting,
    /// The buffer is full, or the body has ended or failed.
    Enough,
}

impl<B: Body<Data = Bytes> + Unpin> Sender<B> {
    /// A request whose header is `text`. If its body fails before the first write, nothing is written, and the connection can be
    /// used again.
    pub(super) fn request(text: Vec<u8>, body: B, encoder: Encoder) -> Self {
        Self::new(text, body, encoder, true)
    }

    /// A response whose header is `text`. If its body fails, the header and the frames before the failure are written.
    pub(super) fn response(text: Vec<u8>, body: B, encoder: Encoder) -> Self {
        Self::new(text, body, encoder, encoder == Encoder::Exact(0))
    }

    fn new(text: Vec<u8>, body: B, encoder: Encoder, all_or_nothing: bool) -> Self {
        let mut out = WriteBuffer::default();
        *out.text() = text;
        let should_be_empty = encoder == Encoder::Exact(0);
        Self {
            body: Some(body),
            encoder,
            should_be_empty,
            all_or_nothing,
            out,
            has_taken: false,
            failure: None,
        }
    }

    /// Writes the message to its end. `write` writes a buffer to the stream.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
        mut write: impl FnMut(&mut WriteBuffer, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<Result<(), SendError<B::Error>>> {
        loop {
            let filled = self.fill(context);
            if !self.out.has_begun() {
                if self.all_or_nothing
                    && let Some(failure) = self.failure.take()
                {
                    return Poll::Ready(Err(failure));
                }
                // A message without a body is complete with its header, so a body that should be empty must end first.
                if self.body.is_some() && self.should_be_empty {
                    return Poll::Pending;
                }
            }
            ready!(write(&mut self.out, context)).map_err(|error| SendError::Message(error.into()))?;
            if let Some(failure) = self.failure.take() {
                return Poll::Ready(Err(failure));
            }
            match filled {
                _ if self.body.is_none() => return Poll::Ready(Ok(())),
                Filled::Waiting => return Poll::Pending,
                Filled::Enough => {}
            }
        }
    }

    /// The body, if nothing has been written and no frame of the body has been taken, so that it can be sent again.
    pub(super) fn unsent(&mut self) -> Option<B> {
        if self.out.has_begun() || self.has_taken { None } else { self.body.take() }
    }

    /// Whether the end of the connection ends the message.
    pub(super) fn ends_by_close(&self) -> bool {
        self.encoder == Encoder::UntilClose
    }

    /// From now on, discards what is to be written.
    pub(super) fn close_write(&mut self) {
        self.out.close_write();
    }

    /// Whether what is to be written is discarded.
    pub(super) fn write_closed(&self) -> bool {
        self.out.write_closed()
    }

    /// Takes available frames of the body while the buffer has room. A body that should be empty needs no room.
    fn fill(&mut self, context: &mut Context<'_>) -> Filled {
        while (self.out.has_room() || self.should_be_empty) && self.failure.is_none() {
            let Some(body) = &mut self.body else { return Filled::Enough };
            if !body.is_end_stream() {
                let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) else {
                    return Filled::Waiting;
                };
                self.has_taken = true;
                match frame {
                    Some(Ok(frame)) => {
                        self.failure = self.encoder.add(frame, &mut self.out).err().map(SendError::Message);
                        continue;
                    }
                    Some(Err(error)) => {
                        self.failure = Some(SendError::Body(error));
                        continue;
                    }
                    None => {}
                }
            }
            // The body is dropped as soon as it has ended, because dropping it may have effects.
            self.body = None;
            self.failure = self.encoder.finish(&mut self.out).err().map(SendError::Message);
        }
        Filled::Enough
    }
}
