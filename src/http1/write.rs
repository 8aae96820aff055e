//! What waits to be written: text that is made here, and the data of bodies, which is not copied where it is long.

use super::Stream;
use bytes::{Buf, Bytes};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Shorter data is copied behind the text, so that both are one write, and often one packet.
pub(super) const COPIED: usize = 4 * 1024;
/// From here on, what waits is written before more is taken.
const ENOUGH: usize = 16 * 1024;

/// What waits to be written, in this order.
#[derive(Default)]
pub(super) struct WriteBuffer {
    text: Vec<u8>,
    /// How much of the text is written.
    at: usize,
    data: Bytes,
    tail: Vec<u8>,
    /// Something has been written.
    has_begun: bool,
    /// The other side reads no more.
    is_deaf: bool,
}

impl WriteBuffer {
    /// Text, to add to its end.
    pub(super) fn text(&mut self) -> &mut Vec<u8> {
        if self.data.is_empty() { &mut self.text } else { &mut self.tail }
    }

    /// Adds data of a body.
    pub(super) fn push(&mut self, data: Bytes) {
        if data.len() <= COPIED || !self.data.is_empty() {
            self.text().extend_from_slice(&data);
        } else {
            self.data = data;
        }
    }

    /// Whether more is to be added before this is written.
    pub(super) fn has_room(&self) -> bool {
        self.data.is_empty() && self.text.len() - self.at < ENOUGH
    }

    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// From now on, what is written goes nowhere.
    pub(super) fn turn_deaf(&mut self) {
        self.is_deaf = true;
    }

    pub(super) fn is_deaf(&self) -> bool {
        self.is_deaf
    }

    /// Writes everything, to the other side.
    pub(super) fn poll_write(
        &mut self,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_deaf {
            self.clear();
            return Poll::Ready(Ok(()));
        }
        while self.text.len() > self.at || !self.data.is_empty() || !self.tail.is_empty() {
            let written = ready!(self.poll_write_once(stream, context))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.has_begun = true;
            self.advance(written);
        }
        self.clear();
        Pin::new(stream).poll_flush(context)
    }

    fn poll_write_once(&self, stream: &mut dyn Stream, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let text = &self.text[self.at..];
        if self.data.is_empty() && self.tail.is_empty() {
            return Pin::new(stream).poll_write(context, text);
        }
        let all = [IoSlice::new(text), IoSlice::new(&self.data), IoSlice::new(&self.tail)];
        let first = usize::from(text.is_empty());
        Pin::new(stream).poll_write_vectored(context, &all[first..])
    }

    fn advance(&mut self, written: usize) {
        let of_text = written.min(self.text.len() - self.at);
        self.at += of_text;
        let of_data = (written - of_text).min(self.data.len());
        self.data.advance(of_data);
        let of_tail = written - of_text - of_data;
        if of_tail > 0 || (self.data.is_empty() && self.at == self.text.len()) {
            // What is left is only text.
            self.text = std::mem::take(&mut self.tail);
            self.at = of_tail;
        }
    }

    /// Keeps no memory for what may never come.
    fn clear(&mut self) {
        (self.text, self.data, self.tail, self.at) = (Vec::new(), Bytes::new(), Vec::new(), 0);
    }
}
