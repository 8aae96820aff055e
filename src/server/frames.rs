//! Counts the HTTP/2 frames of a caller's connection, and ends a connection that floods (RFC 9113, section 10.5): frames
//! that carry nothing, such as SETTINGS, PING, PRIORITY, WINDOW_UPDATE and empty DATA, and streams that are opened only to
//! be reset (CVE-2023-44487). The HTTP/2 library bounds what it keeps of such frames and not how many it reads. Tells too when
//! frames have been flushed.

use super::flushes::Flushes;
use super::frame_headers::{Frame, FrameHeaders, Kind};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What takes longer than this to come together is no flood.
const WINDOW: Duration = Duration::from_secs(10);
/// The most frames without content in a window, beyond those that useful frames account for.
const MAX_EMPTY_FRAMES: u32 = 1000;
/// So many frames without content are accounted for by one that carries something, in either direction: acknowledgements,
/// window updates, PINGs that measure the way.
const PER_USEFUL_FRAME: u32 = 10;
/// So many streams may be reset in a window, whatever their share: deadlines pass, and an upstream's outage makes all of
/// them pass. Beyond that, more than half of the streams is a flood.
const MAX_RESETS: u32 = 200;

/// A caller's stream of HTTP/2. It breaks with an error when the caller floods it.
pub(super) struct CountedFrames<S> {
    stream: S,
    received: FrameHeaders,
    sent: FrameHeaders,
    counts: Counts,
    flushes: Flushes,
}

/// What has happened since the window began.
struct Counts {
    since: Instant,
    empty: u32,
    opened: u32,
    resets: u32,
    last_stream: u32,
}

impl Counts {
    fn begin(last_stream: u32) -> Self {
        Self { since: Instant::now(), empty: 0, opened: 0, resets: 0, last_stream }
    }

    /// A frame has come. Whether this is a flood.
    fn received(&mut self, frame: Frame) -> bool {
        match frame.kind {
            Kind::Headers => {
                self.opened += 1;
                self.last_stream = self.last_stream.max(frame.stream);
                self.useful();
            }
            Kind::Data | Kind::Continuation if frame.length > 0 => self.useful(),
            Kind::Reset => self.resets += 1,
            Kind::Data | Kind::Continuation | Kind::Other => self.empty += 1,
        }
        let (is_empty, is_reset) = (self.empty > MAX_EMPTY_FRAMES, self.resets > MAX_RESETS);
        if (is_empty || is_reset) && self.since.elapsed() > WINDOW {
            *self = Self::begin(self.last_stream);
            return false;
        }
        is_empty || (is_reset && self.resets > self.opened / 2)
    }

    fn useful(&mut self) {
        self.empty = self.empty.saturating_sub(PER_USEFUL_FRAME);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> CountedFrames<S> {
    /// Counts the frames of this stream, which begins with the connection preface.
    pub(super) fn new(stream: S, flushes: Flushes) -> Self {
        Self {
            stream,
            received: FrameHeaders::after_preface(),
            sent: FrameHeaders::default(),
            counts: Counts::begin(0),
            flushes,
        }
    }

    /// Says why the connection ends, where that can be said without waiting and between two frames.
    fn say_goodbye(&mut self, context: &mut Context<'_>) {
        const GOAWAY: [u8; 9] = [0, 0, 8, 7, 0, 0, 0, 0, 0];
        const ENHANCE_YOUR_CALM: u32 = 11;
        if self.sent.is_between_frames() {
            let last = self.counts.last_stream.to_be_bytes();
            let text = [&GOAWAY[..], &last, &ENHANCE_YOUR_CALM.to_be_bytes()].concat();
            // A caller that does not read it is not told.
            let _ = Pin::new(&mut self.stream).poll_write(context, &text);
            let _ = Pin::new(&mut self.stream).poll_flush(context);
        }
    }

    fn written(&mut self, bytes: &[u8]) {
        let counts = &mut self.counts;
        self.sent.follow(bytes, |frame| {
            if frame.kind == Kind::Data {
                counts.useful();
            }
        });
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for CountedFrames<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let (counts, mut floods) = (&mut this.counts, false);
        this.received.follow(&buffer.filled()[before..], |frame| floods |= counts.received(frame));
        if floods {
            this.say_goodbye(context);
            buffer.set_filled(before);
            return Poll::Ready(Err(io::Error::other("the caller floods its connection with frames")));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for CountedFrames<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.written(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices))?;
        let mut left = written;
        for slice in slices {
            let part = left.min(slice.len());
            self.written(&slice[..part]);
            left -= part;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushes.begin(context);
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.flushes.end();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
