//! Parses the headers of HTTP/2 frames (RFC 9113, section 4.1) in a sequence of bytes that arrive in any pieces.

/// The length of a frame's header in bytes.
pub(super) const HEADER: usize = 9;
/// The length of the number that is the payload of RST_STREAM or WINDOW_UPDATE, in bytes (RFC 9113, sections 6.4 and 6.9).
const NUMBER: usize = 4;
/// The length of the two numbers that begin the payload of GOAWAY, in bytes: a stream, and the error code (RFC 9113, section 6.8).
const TWO_NUMBERS: usize = 8;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// The kinds of frames that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Reset,
    GoAway,
    WindowUpdate,
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
            7 => Kind::GoAway,
            8 => Kind::WindowUpdate,
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

    /// The number of bytes of the payload at whose end there is a number, and what to report of it.
    fn number(self) -> Option<(usize, Report)> {
        match (self.kind, self.stream, self.length) {
            (Kind::Reset, _, NUMBER) => Some((NUMBER, Passing::ResetBy)),
            (Kind::WindowUpdate, 0, NUMBER) => {
                Some((NUMBER, |number| Passing::Grants(number & (u32::MAX >> 1))))
            }
            (Kind::GoAway, _, TWO_NUMBERS..) => Some((TWO_NUMBERS, Passing::GoesAway)),
            (Kind::Reset | Kind::WindowUpdate | Kind::GoAway, _, _) => None,
            (Kind::Data | Kind::Headers | Kind::Continuation | Kind::Other, _, _) => None,
        }
    }

    /// Whether it is a header in one frame, of a message that goes on.
    pub(super) fn is_whole_header(self) -> bool {
        self.kind == Kind::Headers && self.flags & (END_HEADERS | END_STREAM) == END_HEADERS
    }

    /// Whether it is DATA that says that the message ends, and nothing else.
    pub(super) fn is_only_end(self) -> bool {
        self.kind == Kind::Data && self.length == 0 && self.flags == END_STREAM
    }

    /// Whether it is DATA without content, padding and END_STREAM.
    pub(super) fn is_void(self) -> bool {
        let is_plain = self.flags & (END_STREAM | PADDED) == 0;
        self.kind == Kind::Data && self.length == 0 && self.stream > 0 && is_plain
    }
}

/// Makes a report of a number in a payload.
type Report = fn(u32) -> Passing;

/// The position in a sequence of frames.
#[derive(Default)]
pub(super) struct FrameHeaders {
    /// The number of bytes before the next header.
    to_skip: usize,
    header: [u8; HEADER],
    /// The number of bytes of the header read so far.
    read: usize,
    /// The last four bytes that were read of a payload with a number, and what to report of it.
    number: u32,
    pending: Option<Report>,
    /// The number of bytes before the end of that number.
    number_left: usize,
}

/// What is reported of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passing {
    /// A frame begins.
    Begun(Frame),
    /// A stream is reset with this error code.
    ResetBy(u32),
    /// The window of the connection grows by this number of bytes.
    Grants(u32),
    /// The connection accepts no more streams, or has ended with this error code (RFC 9113, section 6.8).
    GoesAway(u32),
}

impl FrameHeaders {
    /// The frames begin after this number of bytes.
    pub(super) fn after(to_skip: usize) -> Self {
        Self { to_skip, ..Self::default() }
    }

    /// Calls `passing` for each frame whose header ends in these bytes, and for each number in a payload.
    #[inline]
    pub(super) fn follow(&mut self, mut bytes: &[u8], mut passing: impl FnMut(Passing)) {
        while !bytes.is_empty() {
            let skipped = self.to_skip.min(bytes.len());
            if let Some(report) = self.pending {
                let taken = self.number_left.min(skipped);
                self.number =
                    bytes[..taken].iter().fold(self.number, |all, byte| all << 8 | u32::from(*byte));
                self.number_left -= taken;
                if self.number_left == 0 {
                    self.pending = None;
                    passing(report(self.number));
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
                if let Some((length, report)) = frame.number() {
                    (self.pending, self.number_left) = (Some(report), length);
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
