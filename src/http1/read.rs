//! Reads from a connection. A read needs a buffer before its length is known, so each thread has one buffer for all its
//! connections, and the bytes read are copied out of it. Only large bodies are read into memory of their own.

use super::limits::MAX_HEADER_BYTES;
use super::stream::Stream;
use bytes::{Bytes, BytesMut};
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;
use tokio_util::io::poll_read_buf;

/// The size of the buffer that each thread reads into.
const READ_BUFFER: usize = 16 * 1024;
/// The size of the buffer for one read of a body that arrives faster than it is consumed.
const LARGE_READ_BUFFER: usize = 64 * 1024;

thread_local! {
    static THREAD_READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BUFFER]);
}

/// The bytes that were read and not yet consumed.
#[derive(Default)]
pub(super) struct ReadBuffer {
    held: Bytes,
    /// The last read filled its buffer, so the next one gets memory of its own.
    is_flooding: bool,
    /// No read gets memory of its own.
    reads_little: bool,
}

impl ReadBuffer {
    /// A buffer that begins with bytes that were read before.
    pub(super) fn new(held: Bytes) -> Self {
        Self { held, ..Self::default() }
    }

    /// From now on, reads a body in pieces of 16 KiB at most, because its reader may leave each of them in memory for long.
    pub(super) fn read_little(&mut self) {
        self.reads_little = true;
    }

    /// The bytes not yet consumed. Their reader removes what it consumes from the beginning.
    pub(super) fn held(&mut self) -> &mut Bytes {
        &mut self.held
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether the last read filled its buffer, so that more bytes are likely to be available.
    pub(super) fn is_flooding(&self) -> bool {
        self.is_flooding
    }

    /// Takes all the bytes.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.held)
    }

    /// Reads once and appends the bytes. Returns their number; 0 means the end of the stream.
    pub(super) fn poll_more(
        &mut self,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        THREAD_READ_BUFFER.with_borrow_mut(|room| {
            let mut room = ReadBuf::new(room);
            ready!(Pin::new(stream).poll_read(context, &mut room))?;
            self.append(room.filled());
            let read = room.filled().len();
            self.is_flooding = read == READ_BUFFER && !self.reads_little;
            Poll::Ready(Ok(read))
        })
    }

    /// Reads until a line ends, which may end the header, or until the bytes reach the limit of a header. Returns the number of
    /// bytes of the last read; 0 means the end of the stream.
    pub(super) fn poll_lines(
        &mut self,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let read = ready!(self.poll_more(stream, context))?;
            let new = &self.held[self.held.len() - read..];
            if read == 0 || new.contains(&b'\n') || self.held.len() >= MAX_HEADER_BYTES {
                return Poll::Ready(Ok(read));
            }
        }
    }

    /// Reads once for a body, into memory of its own where the last read filled its buffer.
    pub(super) fn poll_more_of_body(
        &mut self,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.is_flooding && self.held.is_empty() {
            let mut data = BytesMut::with_capacity(LARGE_READ_BUFFER);
            let read = ready!(poll_read_buf(Pin::new(stream), context, &mut data))?;
            self.is_flooding = read >= READ_BUFFER;
            self.held = data.freeze();
            return Poll::Ready(Ok(read));
        }
        self.poll_more(stream, context)
    }

    /// Returns bytes of a body, `most` at most. No bytes mean the end of the stream.
    pub(super) fn poll_data(
        &mut self,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
        most: u64,
    ) -> Poll<io::Result<Bytes>> {
        if self.held.is_empty() {
            ready!(self.poll_more_of_body(stream, context))?;
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.held.len());
        Poll::Ready(Ok(self.held.split_to(most)))
    }

    fn append(&mut self, more: &[u8]) {
        if self.held.is_empty() {
            self.held = Bytes::copy_from_slice(more);
            return;
        }
        let mut held = BytesMut::from(std::mem::take(&mut self.held));
        held.extend_from_slice(more);
        self.held = held.freeze();
    }
}
