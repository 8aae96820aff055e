//! Removes empty DATA frames from the frames that are received, and joins small ones. Empty frames have no meaning (RFC 9113, section
//! 6.1), but the HTTP/2 library ends a connection after the hundredth, however old it is, and with it its other streams. Small ones
//! cost some 250 bytes each until they are read, and the library ends a connection that holds too many.

use super::frame_headers::{Frame, HEADER, Kind};
use tokio::io::ReadBuf;

/// The length below which a DATA frame is joined with the one before it, in bytes. The library counts each smaller frame as one of
/// this length.
const SMALL: usize = 256;
/// The longest that a joined frame becomes, in bytes. A peer has to take frames of this length (RFC 9113, section 4.2).
const MAX_JOINED: usize = 16 << 10;

/// The position in the sequence of received frames.
#[derive(Default)]
pub(super) struct Inbound {
    /// The number of bytes before the next header.
    to_pass: usize,
    /// The last header that was received in pieces.
    header: [u8; HEADER],
    /// The number of its bytes received so far. They are held back, because only a complete header shows whether its frame is
    /// removed.
    held: usize,
    /// The number of its bytes that can be passed on and have not been.
    released: usize,
    /// A header block has begun and is incomplete.
    is_block_open: bool,
    /// The last frame is DATA.
    is_data: bool,
    /// The number of frames that have begun, without those that continue a header block.
    messages: u64,
    /// The frames are those of an upstream.
    of_upstream: bool,
}

impl Inbound {
    /// The frames begin after this number of bytes.
    pub(super) fn after(to_pass: usize) -> Self {
        Self { to_pass, ..Self::default() }
    }

    /// The frames of an upstream, which begin at once.
    pub(super) fn of_upstream() -> Self {
        Self { of_upstream: true, ..Self::default() }
    }

    /// The number of the preface, frame or header block that has begun and is incomplete. DATA counts as complete, because
    /// content has no deadline.
    pub(super) fn incomplete(&self) -> Option<u64> {
        let is_within_frame = self.held > 0 || (self.to_pass > 0 && !self.is_data);
        (self.messages == 0 || self.is_block_open || is_within_frame).then_some(self.messages)
    }

    /// Removes empty DATA frames and held-back bytes from `bytes`, which have just been received. Reports each frame whose header is
    /// complete, and returns the number of bytes that are left at the beginning.
    pub(super) fn sift(&mut self, bytes: &mut [u8], mut begun: impl FnMut(Frame)) -> usize {
        let (mut kept, mut at) = (0, 0);
        // The frame that was kept last and is complete, and where its header is.
        let mut last: Option<(Frame, usize)> = None;
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
            let frame = Frame::of(header);
            let is_complete = frame.length <= bytes.len() - at - HEADER;
            let goes_on = self.goes_on(frame, &mut begun);
            if let Some((before, position)) = &mut last
                && is_complete
                && before.joins(frame, self.of_upstream)
            {
                let [.., high, middle, low] = before.length.to_be_bytes();
                bytes[*position..*position + 3].copy_from_slice(&[high, middle, low]);
                bytes[*position + 4] = before.flags;
            } else if goes_on {
                last = is_complete.then_some((frame, kept));
                keep(bytes, &mut kept, at, HEADER);
            }
            at += HEADER;
        }
        kept
    }

    /// The buffer for the rest of a header that was received in part.
    pub(super) fn rest_of_header(&mut self) -> Option<&mut [u8]> {
        (self.held > 0).then(|| &mut self.header[self.held..])
    }

    /// Records that this number of bytes was read into that buffer.
    pub(super) fn header_came(&mut self, more: usize, mut begun: impl FnMut(Frame)) {
        self.held += more;
        if self.held == HEADER {
            self.held = 0;
            if self.goes_on(Frame::of(&self.header), &mut begun) {
                self.released = HEADER;
            }
        }
    }

    /// Copies as much as fits of a header that was received in pieces and is passed on.
    pub(super) fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.released.min(buffer.remaining());
        let from = HEADER - self.released;
        buffer.put_slice(&self.header[from..from + length]);
        self.released -= length;
    }

    fn goes_on(&mut self, frame: Frame, begun: &mut impl FnMut(Frame)) -> bool {
        begun(frame);
        // Within a header block such a frame is an error, which the library detects.
        let goes_on = !frame.is_void() || self.is_block_open;
        self.is_block_open = frame.leaves_block_open();
        self.is_data = frame.kind == Kind::Data;
        self.messages += u64::from(frame.kind != Kind::Continuation);
        self.to_pass = frame.length;
        goes_on
    }
}

impl Frame {
    /// Takes what the next frame says into this one, if that is possible. Returns whether it is.
    fn joins(&mut self, next: Self, is_answer: bool) -> bool {
        if self.stream != next.stream || next.kind != Kind::Data {
            return false;
        }
        if is_answer && next.is_only_end() && self.is_whole_header() {
            // Otherwise the library compares the length of a 304, which is that of another answer, with the content.
            self.flags |= next.flags;
            return true;
        }
        let is_small = next.length < SMALL && self.length + next.length <= MAX_JOINED;
        let joins = is_small && self.kind == Kind::Data && self.flags == 0 && next.flags == 0;
        self.length += if joins { next.length } else { 0 };
        joins
    }
}

/// Moves `length` bytes at `at` to the end of the bytes that are kept.
fn keep(bytes: &mut [u8], kept: &mut usize, at: usize, length: usize) {
    if *kept != at {
        bytes.copy_within(at..at + length, *kept);
    }
    *kept += length;
}
