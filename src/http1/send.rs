//! A whole message that goes out: its header, and its body as it comes.

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
    /// Its body broke off.
    Body(E),
    /// The connection broke, or the body is not of its length.
    Message(Error),
}

/// A message, as far as it is not yet written.
pub(super) struct Sender<B: Body> {
    /// What is still to come of the body.
    body: Option<B>,
    encoder: Encoder,
    /// The message is whole with its header: the header says that there is no body.
    should_be_empty: bool,
    /// Nothing is written where the body breaks off before anything is.
    all_or_nothing: bool,
    out: WriteBuffer,
    /// Something of the body has been taken.
    has_taken: bool,
    /// What ended the body too early. It is told when everything before it is written.
    failure: Option<SendError<B::Error>>,
}

enum Filled {
    /// The body has nothing at the moment.
    Waiting,
    /// There is enough to write, or nothing will follow.
    Enough,
}

impl<B: Body<Data = Bytes> + Unpin> Sender<B> {
    /// A request whose header is `text`. Where its body breaks off at once, nothing is written, and the connection is as it was.
    pub(super) fn request(text: Vec<u8>, body: B, encoder: Encoder) -> Self {
        Self::new(text, body, encoder, true)
    }

    /// A response whose header is `text`. Where its body breaks off at once, the header is written and what came before the
    /// break.
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

    /// Writes the message to its end. `write` has the stream.
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
                // A message without a body is whole with its header, so a body that should be empty has to end first.
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

    /// Nothing has been written, and nothing of the body has been taken: the body, which is as good as new.
    pub(super) fn unsent(&mut self) -> Option<B> {
        if self.out.has_begun() || self.has_taken { None } else { self.body.take() }
    }

    /// Whether the other side takes the end of the connection for the end of the message.
    pub(super) fn ends_by_close(&self) -> bool {
        self.encoder == Encoder::UntilClose
    }

    /// From now on, what is written goes nowhere.
    pub(super) fn turn_deaf(&mut self) {
        self.out.turn_deaf();
    }

    /// Whether the other side stopped reading.
    pub(super) fn is_deaf(&self) -> bool {
        self.out.is_deaf()
    }

    /// Takes what there is of the body, as long as there is room for it. What should be nothing needs none.
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
            // Dropped as soon as it has ended, because more than memory may hang on it.
            self.body = None;
            self.failure = self.encoder.finish(&mut self.out).err().map(SendError::Message);
        }
        Filled::Enough
    }
}
