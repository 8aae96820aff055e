//! Parses the headers of HTTP/2 frames (RFC 9113, section 4.1) in a sequence of bytes that arrive in any pieces.

/// The length of a frame's header in bytes.
pub(super) const HEADER: usize = 9;
/// The length of an error code, which is the payload of RST_STREAM, in bytes (RFC 9113, section 6.4).
const ERROR_CODE: usize = 4;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// The kinds of frames that matter for the detection of floods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Reset,
    Continuation,
    /// Any other kind, known or unknown.
    Other,
}

/// What the header of a frame states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) length: usize,
    pub(super) stream: u32,
}

impl Frame {
    pub(super) fn of(header: &[u8; HEADER]) -> Self {
        let [high, middle, low, kind, flags, stream @ ..] = *header;
        let kind = match kind {
            0 => Kind::Data,
            1 => Kind::Headers,
            3 => Kind::Reset,
            9 => Kind::Continuation,
            _ => Kind::Other,
        };
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        Self { kind, flags, length, stream: u32::from_be_bytes(stream) & (u32::MAX >> 1) }
    }

    /// Whether the frame is a part of a header block that continues after it.
    pub(super) fn leaves_block_open(self) -> bool {
        matches!(self.kind, Kind::Headers | Kind::Continuation) && self.flags & END_HEADERS == 0
    }

    /// Whether it is DATA without content, padding and END_STREAM.
    pub(super) fn is_void(self) -> bool {
        let is_plain = self.flags & (END_STREAM | PADDED) == 0;
        self.kind == Kind::Data && self.length == 0 && self.stream > 0 && is_plain
    }
}

/// The position in a sequence of frames.
#[derive(Default)]
pub(super) struct FrameHeaders {
    /// The number of bytes before the next header.
    to_skip: usize,
    header: [u8; HEADER],
    /// The number of bytes of the header read so far.
    read: usize,
    /// The error code of a stream's reset, and the number of its bytes not read yet.
    code: [u8; ERROR_CODE],
    code_left: usize,
}

/// What is reported of frames.
pub(super) enum Passing {
    /// A frame begins.
    Begun(Frame),
    /// A stream is reset with this error code.
    ResetBy(u32),
}

impl FrameHeaders {
    /// The frames begin after this number of bytes.
    pub(super) fn after(to_skip: usize) -> Self {
        Self { to_skip, ..Self::default() }
    }

    /// Reports each frame whose header ends in these bytes, and each error code of a reset.
    #[inline]
    pub(super) fn follow(&mut self, mut bytes: &[u8], mut passing: impl FnMut(Passing)) {
        while !bytes.is_empty() {
            let skipped = self.to_skip.min(bytes.len());
            if self.code_left > 0 {
                let (from, taken) = (ERROR_CODE - self.code_left, self.code_left.min(skipped));
                self.code[from..from + taken].copy_from_slice(&bytes[..taken]);
                self.code_left -= taken;
                if self.code_left == 0 {
                    passing(Passing::ResetBy(u32::from_be_bytes(self.code)));
                }
            }
            self.to_skip -= skipped;
            bytes = &bytes[skipped..];
            let taken = (HEADER - self.read).min(bytes.len());
            self.header[self.read..self.read + taken].copy_from_slice(&bytes[..taken]);
            self.read += taken;
            bytes = &bytes[taken..];
            if self.read == HEADER {
                let frame = Frame::of(&self.header);
                (self.to_skip, self.read) = (frame.length, 0);
                if frame.kind == Kind::Reset && frame.length == ERROR_CODE {
                    self.code_left = ERROR_CODE;
                }
                passing(Passing::Begun(frame));
            }
        }
    }

    /// Whether the last frame is complete.
    pub(super) fn is_between_frames(&self) -> bool {
        self.to_skip == 0 && self.read == 0
    }
}
