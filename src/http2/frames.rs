//! Inspects the HTTP/2 frames of a connection below the HTTP/2 library, which limits the memory for frames but not the number of
//! frames: ends a connection whose peer floods it or does not complete a header, removes empty DATA frames, and records
//! flushes.

use super::counts::Counts;
use super::flushes::Flushes;
use super::frame_headers::{FrameHeaders, Passing};
use super::header_deadline::HeaderDeadline;
use super::inbound::Inbound;
use super::lingering::Lingering;
use super::observed::Observed;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The length of the preface that a client sends first, in bytes (RFC 9113, section 3.4).
const PREFACE: usize = 24;

/// A stream of HTTP/2 frames. It fails when the peer floods it, or takes too long to complete a header.
pub struct CountedFrames<S> {
    stream: S,
    peer: Peer,
    flushes: Flushes,
    received: Inbound,
    sent: FrameHeaders,
    counts: Counts,
    /// Why the connection has ended, if that was noticed here. The peer has been told.
    ended: Option<(ErrorKind, &'static str)>,
    /// The HTTP/2 library has sent GOAWAY with an error code.
    has_failed: bool,
    /// The wait before the connection, which has ended, is closed.
    lingering: Option<Lingering>,
}

/// The peer of a connection.
enum Peer {
    Caller { deadline: HeaderDeadline },
    Upstream { observed: Observed, received: FrameHeaders },
}

impl<S: AsyncRead + AsyncWrite + Unpin> CountedFrames<S> {
    /// The frames of a caller, whose stream begins with the connection preface. The preface with its SETTINGS, each header block
    /// and each frame except DATA must be complete within this time.
    pub fn of_caller(stream: S, flushes: Flushes, header_read_timeout: Duration) -> Self {
        let (received, sent) = (Inbound::after(PREFACE), FrameHeaders::default());
        let peer = Peer::Caller { deadline: HeaderDeadline::new(header_read_timeout) };
        Self::new(stream, peer, flushes, received, sent)
    }

    /// The frames of an upstream, to which the preface has not been sent yet.
    pub fn of_upstream(stream: S, observed: Observed) -> Self {
        let (received, sent) = (Inbound::of_upstream(), FrameHeaders::after(PREFACE));
        let flushes = observed.flushes.clone();
        let peer = Peer::Upstream { observed, received: FrameHeaders::default() };
        Self::new(stream, peer, flushes, received, sent)
    }

    fn new(stream: S, peer: Peer, flushes: Flushes, received: Inbound, sent: FrameHeaders) -> Self {
        let (counts, has_failed) = (Counts::begin(0), false);
        Self { stream, peer, flushes, received, sent, counts, ended: None, has_failed, lingering: None }
    }

    /// Sends GOAWAY with the reason, if that is possible without waiting and between two frames.
    fn say_goodbye(&mut self, context: &mut Context<'_>) {
        const GOAWAY: [u8; 9] = [0, 0, 8, 7, 0, 0, 0, 0, 0];
        const ENHANCE_YOUR_CALM: u32 = 11;
        if self.sent.is_between_frames() {
            let last = match self.peer {
                Peer::Caller { .. } => self.counts.last_stream(),
                // An upstream opens no streams.
                Peer::Upstream { .. } => 0,
            };
            let text = [&GOAWAY[..], &last.to_be_bytes(), &ENHANCE_YOUR_CALM.to_be_bytes()].concat();
            // If the peer does not read, GOAWAY is omitted.
            let _ = Pin::new(&mut self.stream).poll_write(context, &text);
            let _ = Pin::new(&mut self.stream).poll_flush(context);
        }
    }

    /// Reads once, and returns whether the stream has ended. The bytes that are passed on are in the buffer, or in the held-back
    /// header.
    fn poll_some(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let before = buffer.filled().len();
        let (counts, mut floods) = (&mut self.counts, false);
        let begun = |frame| floods |= counts.received(frame);
        let stream = Pin::new(&mut self.stream);
        let read = if let Some(rest) = self.received.rest_of_header() {
            let mut room = ReadBuf::new(rest);
            let read = stream.poll_read(context, &mut room);
            self.peer.received(room.filled());
            let came = room.filled().len();
            self.received.header_came(came, begun);
            read.map_ok(|()| came)
        } else {
            let read = stream.poll_read(context, buffer);
            let new = &mut buffer.filled_mut()[before..];
            self.peer.received(new);
            let (came, kept) = (new.len(), self.received.sift(new, begun));
            buffer.set_filled(before + kept);
            read.map_ok(|()| came)
        };
        if floods {
            buffer.set_filled(before);
            return self.poll_end(ErrorKind::Other, self.peer.flood(), context);
        }
        match read {
            Poll::Ready(read) => Poll::Ready(read.map(|came| came == 0)),
            Poll::Pending => self.poll_late(context),
        }
    }

    /// Tells the peer that the connection ends, and resolves with this error when it can be closed.
    fn poll_end<T>(
        &mut self,
        kind: ErrorKind,
        reason: &'static str,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        self.say_goodbye(context);
        self.ended = Some((kind, reason));
        self.poll_ended(kind, reason, context)
    }

    /// Resolves with this error when the connection, which has ended, can be closed.
    fn poll_ended<T>(
        &mut self,
        kind: ErrorKind,
        reason: &'static str,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        // Requests to an upstream are sent again, so their connection fails at once.
        if let Peer::Caller { .. } = self.peer {
            ready!(self.poll_lingering(context));
        }
        Poll::Ready(Err(io::Error::new(kind, reason)))
    }

    /// Resolves when the caller has closed its end of the connection, or has had its time.
    fn poll_lingering(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.lingering.get_or_insert_with(Lingering::begin).poll(&mut self.stream, context)
    }

    /// Called when there is nothing to read. Resolves with an error when the deadline of a header has passed.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if let Peer::Caller { deadline } = &mut self.peer {
            ready!(deadline.poll(self.received.incomplete(), context));
            return self.poll_end(ErrorKind::TimedOut, "the caller's header took too long", context);
        }
        Poll::Pending
    }

    fn written(&mut self, bytes: &[u8]) {
        let (counts, peer) = (&mut self.counts, &self.peer);
        let has_failed = &mut self.has_failed;
        self.sent.follow(bytes, |passing| {
            counts.sent(passing);
            *has_failed |= matches!(passing, Passing::GoesAway(1..));
            if let Peer::Upstream { observed, .. } = peer {
                observed.sent(passing);
            }
        });
    }
}

impl Peer {
    /// Follows the window of what is sent to an upstream. The windows of callers matter to no decision.
    fn received(&mut self, bytes: &[u8]) {
        if let Self::Upstream { observed, received } = self {
            received.follow(bytes, |passing| observed.window.received(passing));
        }
    }

    fn flood(&self) -> &'static str {
        match self {
            Self::Caller { .. } => "the caller floods its connection with frames",
            Self::Upstream { .. } => "the upstream floods its connection with frames",
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for CountedFrames<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some((kind, reason)) = self.ended {
            return self.poll_ended(kind, reason, context);
        }
        let before = buffer.filled().len();
        loop {
            self.received.hand_over(buffer);
            if buffer.filled().len() > before || ready!(self.poll_some(context, buffer))? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for CountedFrames<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some((kind, reason)) = self.ended {
            return self.poll_ended(kind, reason, context);
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.written(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some((kind, reason)) = self.ended {
            return self.poll_ended(kind, reason, context);
        }
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
        if let Some((kind, reason)) = self.ended {
            return self.poll_ended(kind, reason, context);
        }
        let this = &mut *self;
        this.flushes.begin(context);
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        this.flushes.end();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.flushes.shut();
        // The library reads no more of a connection that it has ended with an error.
        if let (Peer::Caller { .. }, true) = (&this.peer, this.has_failed) {
            return this.poll_lingering(context).map(Ok);
        }
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
