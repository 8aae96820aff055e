//! The frames that come in, without DATA frames that carry nothing. Those mean nothing (RFC 9113, section 6.1), but the HTTP/2
//! library ends a connection after the hundredth, however long it has lived, and its other streams with it.

use super::frame_headers::{Frame, HEADER, Kind};
use tokio::io::ReadBuf;

/// Where in the frames that come in the bytes stand.
#[derive(Default)]
pub(super) struct Inbound {
    /// Bytes that are still to pass before the next header.
    to_pass: usize,
    /// The last header that came in pieces.
    header: [u8; HEADER],
    /// How much of it has come and is held back: whether it goes on is known when it is whole.
    held: usize,
    /// How much of it may go on and has not.
    released: usize,
    /// A header block has begun and not ended.
    is_block_open: bool,
    /// The last frame is DATA.
    is_data: bool,
    /// How many frames have begun, those that continue a header block aside.
    messages: u64,
}

impl Inbound {
    /// Frames that begin behind so many bytes.
    pub(super) fn after(to_pass: usize) -> Self {
        Self { to_pass, ..Self::default() }
    }

    /// The number of what has begun and is incomplete, be it the preface, a frame or a header block. Content may take its time:
    /// DATA is always complete.
    pub(super) fn incomplete(&self) -> Option<u64> {
        let is_within_frame = self.held > 0 || (self.to_pass > 0 && !self.is_data);
        (self.messages == 0 || self.is_block_open || is_within_frame).then_some(self.messages)
    }

    /// Takes out of `bytes`, which have just come, what does not go on, tells of each frame whose header is whole, and returns
    /// how many bytes are left at the beginning.
    pub(super) fn sift(&mut self, bytes: &mut [u8], mut begun: impl FnMut(Frame)) -> usize {
        let (mut kept, mut at) = (0, 0);
        while at < bytes.len() {
            let passing = self.to_pass.min(bytes.len() - at);
            self.to_pass -= passing;
            keep(bytes, &mut kept, at, passing);
            at += passing;
            let Some(header) = bytes[at..].first_chunk() else {
                self.held = bytes.len() - at;
                self.header[..self.held].copy_from_slice(&bytes[at..]);
                break;
            };
            if self.goes_on(Frame::of(header), &mut begun) {
                keep(bytes, &mut kept, at, HEADER);
            }
            at += HEADER;
        }
        kept
    }

    /// Room for the rest of a header that has come in part.
    pub(super) fn rest_of_header(&mut self) -> Option<&mut [u8]> {
        (self.held > 0).then(|| &mut self.header[self.held..])
    }

    /// So many bytes have come there.
    pub(super) fn header_came(&mut self, more: usize, mut begun: impl FnMut(Frame)) {
        self.held += more;
        if self.held == HEADER {
            self.held = 0;
            if self.goes_on(Frame::of(&self.header), &mut begun) {
                self.released = HEADER;
            }
        }
    }

    /// Writes as much as there is room for of a header that came in pieces and goes on.
    pub(super) fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.released.min(buffer.remaining());
        let from = HEADER - self.released;
        buffer.put_slice(&self.header[from..from + length]);
        self.released -= length;
    }

    fn goes_on(&mut self, frame: Frame, begun: &mut impl FnMut(Frame)) -> bool {
        begun(frame);
        // In the middle of a header block it is an error, which the library finds.
        let goes_on = !frame.is_void() || self.is_block_open;
        self.is_block_open = frame.leaves_block_open();
        self.is_data = frame.kind == Kind::Data;
        self.messages += u64::from(frame.kind != Kind::Continuation);
        self.to_pass = frame.length;
        goes_on
    }
}

/// Moves so many bytes at `at` up to those that are kept.
fn keep(bytes: &mut [u8], kept: &mut usize, at: usize, length: usize) {
    if *kept != at {
        bytes.copy_within(at..at + length, *kept);
    }
    *kept += length;
}
