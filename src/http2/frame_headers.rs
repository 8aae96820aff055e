//! Finds the headers of HTTP/2 frames (RFC 9113, section 4.1) in bytes that pass by, in whatever pieces they come.

/// How many bytes a frame's header has.
pub(super) const HEADER: usize = 9;
/// How many bytes the error code has that is all of RST_STREAM (RFC 9113, section 6.4).
const ERROR_CODE: usize = 4;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// What a frame is, as far as floods are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Reset,
    Continuation,
    /// Any other, known or unknown.
    Other,
}

/// A frame that has begun.
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

    /// Whether a header block goes on behind the frame, which is one of its parts.
    pub(super) fn leaves_block_open(self) -> bool {
        matches!(self.kind, Kind::Headers | Kind::Continuation) && self.flags & END_HEADERS == 0
    }

    /// Whether it is DATA of a stream without content, padding or an end.
    pub(super) fn is_void(self) -> bool {
        let is_plain = self.flags & (END_STREAM | PADDED) == 0;
        self.kind == Kind::Data && self.length == 0 && self.stream > 0 && is_plain
    }
}

/// Where in a sequence of frames the bytes stand.
#[derive(Default)]
pub(super) struct FrameHeaders {
    /// Bytes that are still to pass before the next header.
    to_skip: usize,
    header: [u8; HEADER],
    /// How much of the header has come.
    read: usize,
    /// The error code of a stream's reset, and how much of it is still to come.
    code: [u8; ERROR_CODE],
    code_left: usize,
}

/// What is told of frames that pass.
pub(super) enum Passing {
    /// A frame has begun.
    Begun(Frame),
    /// A stream is reset with this error code.
    ResetBy(u32),
}

impl FrameHeaders {
    /// Frames that begin behind so many bytes.
    pub(super) fn after(to_skip: usize) -> Self {
        Self { to_skip, ..Self::default() }
    }

    /// Tells of each frame whose header ends in these bytes, and of each error code of a reset.
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

    /// Whether the last frame has passed whole.
    pub(super) fn is_between_frames(&self) -> bool {
        self.to_skip == 0 && self.read == 0
    }
}
