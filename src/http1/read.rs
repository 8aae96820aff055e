//! What comes from the other side. Reading needs room before it is known how much will come, so each thread has one room
//! for all connections, and what has come is copied out of it. Only large bodies are read into memory of their own.

use super::{MOST_HEADER, Stream};
use bytes::{Bytes, BytesMut};
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;
use tokio_util::io::poll_read_buf;

/// The most that is read at once, but for large bodies.
const ROOM: usize = 16 * 1024;
/// The most that is read at once of a body that comes faster than it is used.
const LARGE_ROOM: usize = 64 * 1024;

thread_local! {
    static ROOM_OF_THREAD: RefCell<Vec<u8>> = RefCell::new(vec![0; ROOM]);
}

/// What has come and is not yet used.
#[derive(Default)]
pub(super) struct ReadBuffer {
    held: Bytes,
    /// The last read was as long as it could be, so the next one is worth memory of its own.
    is_flooding: bool,
    /// No read is.
    reads_little: bool,
}

impl ReadBuffer {
    /// A buffer that begins with what was read before.
    pub(super) fn new(held: Bytes) -> Self {
        Self { held, ..Self::default() }
    }

    /// From now on a body is read in pieces of 16 KiB at most, for a reader that may not take them for long.
    pub(super) fn read_little(&mut self) {
        self.reads_little = true;
    }

    /// What has come, to take away from its beginning.
    pub(super) fn held(&mut self) -> &mut Bytes {
        &mut self.held
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether so much has come at once that more is likely to be there.
    pub(super) fn is_flooding(&self) -> bool {
        self.is_flooding
    }

    /// Everything that has come.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.held)
    }

    /// Adds what has come meanwhile. 0 is the end.
    pub(super) fn poll_more(
        &mut self,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        ROOM_OF_THREAD.with_borrow_mut(|room| {
            let mut room = ReadBuf::new(room);
            ready!(Pin::new(stream).poll_read(context, &mut room))?;
            self.append(room.filled());
            let read = room.filled().len();
            self.is_flooding = read == ROOM && !self.reads_little;
            Poll::Ready(Ok(read))
        })
    }

    /// The same until something has come that can end a header, or more than a header may have.
    pub(super) fn poll_lines(
        &mut self,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let read = ready!(self.poll_more(stream, context))?;
            let new = &self.held[self.held.len() - read..];
            if read == 0 || new.contains(&b'\n') || self.held.len() >= MOST_HEADER {
                return Poll::Ready(Ok(read));
            }
        }
    }

    /// The same for a body, of which much may come.
    pub(super) fn poll_more_of_body(
        &mut self,
        stream: &mut dyn Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.is_flooding && self.held.is_empty() {
            let mut data = BytesMut::with_capacity(LARGE_ROOM);
            let read = ready!(poll_read_buf(Pin::new(stream), context, &mut data))?;
            self.is_flooding = read >= ROOM;
            self.held = data.freeze();
            return Poll::Ready(Ok(read));
        }
        self.poll_more(stream, context)
    }

    /// Something of a body of which at most so many bytes are to come. Nothing is the end of the connection.
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
