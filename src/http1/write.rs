//! Writes to a connection: text that attache makes, and the data of bodies, which is not copied where it is long.

use super::stream::Stream;
use bytes::{Buf, Bytes};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The maximum length of data that is copied behind the text, so that both are one write and often one packet.
pub(super) const MAX_COPIED_BYTES: usize = 4 * 1024;
/// When this many bytes wait, they are written before more are added.
const WRITE_THRESHOLD: usize = 16 * 1024;

/// The bytes that wait to be written: the text, the data, then the tail.
#[derive(Default)]
pub(super) struct WriteBuffer {
    text: Vec<u8>,
    /// How many bytes of the text have been written.
    at: usize,
    data: Bytes,
    tail: Vec<u8>,
    /// At least one byte has been written.
    has_begun: bool,
    /// The other side no longer reads, so everything is discarded.
    write_closed: bool,
}

impl WriteBuffer {
    /// The text, to append to.
    pub(super) fn text(&mut self) -> &mut Vec<u8> {
        if self.data.is_empty() { &mut self.text } else { &mut self.tail }
    }

    /// Appends data of a body.
    pub(super) fn push(&mut self, data: Bytes) {
        if data.len() <= MAX_COPIED_BYTES || !self.data.is_empty() {
            self.text().extend_from_slice(&data);
        } else {
            self.data = data;
        }
    }

    /// Whether more can be added before the next write.
    pub(super) fn has_room(&self) -> bool {
        self.data.is_empty() && self.text.len() - self.at < WRITE_THRESHOLD
    }

    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// From now on, discards what is to be written.
    pub(super) fn close_write(&mut self) {
        self.write_closed = true;
    }

    pub(super) fn write_closed(&self) -> bool {
        self.write_closed
    }

    /// Writes and flushes everything.
    pub(super) fn poll_write(
        &mut self,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.write_closed {
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
            // Only the tail is left, and it becomes the text.
            self.text = std::mem::take(&mut self.tail);
            self.at = of_tail;
        }
    }

    /// Releases all memory, because the connection may stay idle.
    fn clear(&mut self) {
        (self.text, self.data, self.tail, self.at) = (Vec::new(), Bytes::new(), Vec::new(), 0);
    }
}
