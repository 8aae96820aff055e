//! A caller's connection, shared by those who use it in turn: the server reads headers and writes responses, and whoever
//! sends a request on reads its body.

use super::CallerStream;
use super::decode::Decoder;
use super::error::Error;
use super::framing::Length;
use super::read::ReadBuffer;
use super::request::{self, RequestHead};
use bytes::Bytes;
use http_body::Frame;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncWrite, Empty, Join, empty, join};

/// What a caller waits for who does not send a body unasked (RFC 9110, section 10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// The most bytes of empty lines before a request (RFC 9112, section 2.2). Some callers send one line after a body.
const MAX_EMPTY_LINES: usize = 64;
/// How much of a body that nobody reads is read for the sake of the request behind it.
const MOST_SKIPPED: usize = 64 * 1024;

/// A caller's connection. Cloning is cheap and gives the same one.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Wire>>);

/// What is shared.
pub(super) struct Wire {
    pub(super) stream: Box<dyn CallerStream>,
    pub(super) buffer: ReadBuffer,
    /// Where the body of the last request is.
    decoder: Decoder,
    /// How much of it has been read for nobody.
    skipped: usize,
    /// The bytes of empty lines since the last request.
    empty_lines: usize,
    /// What is known of the caller's end of the connection since the last request.
    caller_end: CallerEnd,
    /// What is to be written before the body is read.
    interim: &'static [u8],
    /// Somebody reads the body.
    has_reader: bool,
    /// Whom to tell when that ends.
    server: Option<Waker>,
    /// Whom to tell when the server ends first.
    reader: Option<Waker>,
}

/// What is known of the caller's end of the connection while its request is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CallerEnd {
    /// Nothing has been read since the request.
    Unseen,
    /// The connection was open after the request.
    Open,
    /// The caller has sent its last byte and waits for the response (RFC 9112, section 9.6).
    HalfClosed,
}

/// What is left of a connection whose stream was given away.
impl CallerStream for Join<Empty, Empty> {
    fn reset_when_dropped(&self) {}
}

impl Shared {
    pub(super) fn new(before: Bytes, stream: Box<dyn CallerStream>) -> Self {
        Self(Arc::new(Mutex::new(Wire {
            stream,
            buffer: ReadBuffer::new(before),
            decoder: Decoder::Ended,
            skipped: 0,
            empty_lines: 0,
            caller_end: CallerEnd::Unseen,
            interim: b"",
            has_reader: false,
            server: None,
            reader: None,
        })))
    }

    pub(super) fn wire(&self) -> MutexGuard<'_, Wire> {
        // A panic elsewhere ends the request, and with it the connection.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire {
    /// The next request's header; `None` where the caller is done, or where nothing has come and nothing more is awaited.
    pub(super) fn poll_head(
        &mut self,
        context: &mut Context<'_>,
        is_last: bool,
        header_begun: impl Fn(),
    ) -> Poll<Result<Option<RequestHead>, Error>> {
        loop {
            let before = self.buffer.held().len();
            if let Some(head) = request::read(&mut self.buffer)? {
                self.empty_lines = 0;
                return Poll::Ready(Ok(Some(head)));
            }
            self.empty_lines += before - self.buffer.held().len();
            if self.empty_lines > MAX_EMPTY_LINES {
                return Poll::Ready(Err(Error::Malformed("empty lines")));
            }
            let read = self.buffer.poll_lines(&mut *self.stream, context);
            let nothing = self.buffer.is_empty();
            if !nothing {
                header_begun();
            }
            match read {
                Poll::Pending if is_last && nothing => return Poll::Ready(Ok(None)),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) if nothing => return Poll::Ready(Ok(None)),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Error::Incomplete)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// A body of this length begins here. Whether there is one.
    pub(super) fn begin_body(&mut self, length: Length, expects_continue: bool) -> bool {
        (self.decoder, self.skipped, self.caller_end) = (length.into(), 0, CallerEnd::Unseen);
        self.has_reader = !self.decoder.is_ended();
        self.interim = if expects_continue { CONTINUE } else { b"" };
        self.has_reader
    }

    pub(super) fn body(&self) -> &Decoder {
        &self.decoder
    }

    /// The next part of the body, for its reader.
    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        ready!(self.poll_ask(context))?;
        let Poll::Ready(frame) = self.poll_body(context) else {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        if self.decoder.is_over() {
            self.lose_reader();
        }
        Poll::Ready(frame)
    }

    /// Closes the connection, also for a body's reader, and gives away its stream.
    pub(super) fn end(&mut self) -> Box<dyn CallerStream> {
        self.decoder.break_off();
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        std::mem::replace(&mut self.stream, Box::new(join(empty(), empty())))
    }

    /// Nobody reads the body any more.
    pub(super) fn lose_reader(&mut self) {
        self.has_reader = false;
        if let Some(server) = self.server.take() {
            server.wake();
        }
    }

    /// What has to be written before a response, as it has been begun.
    pub(super) fn take_interim(&mut self) -> &'static [u8] {
        let interim = std::mem::take(&mut self.interim);
        if interim.len() == CONTINUE.len() { b"" } else { interim }
    }

    /// Resolves when the caller has gone. While a body is read, its reader is the one to see that.
    ///
    /// A caller that ends its half of the connection may still wait for the response, or may have gone. It waits when this
    /// request is its last by its own words, or when the end came together with the request. A failed write tells later
    /// that such a caller has gone.
    pub(super) fn poll_gone(&mut self, context: &mut Context<'_>, is_last_request: bool) -> Poll<Error> {
        if self.caller_end == CallerEnd::HalfClosed || self.is_read_by_another(context) {
            return Poll::Pending;
        }
        if let Err(error) = ready!(self.poll_skip(context, usize::MAX)) {
            return Poll::Ready(error);
        }
        if !self.buffer.is_empty() {
            return Poll::Pending;
        }
        let is_first_look = self.caller_end == CallerEnd::Unseen;
        self.caller_end = CallerEnd::Open;
        match ready!(self.buffer.poll_more(&mut *self.stream, context)) {
            Ok(0) if is_last_request || is_first_look => {
                self.caller_end = CallerEnd::HalfClosed;
                Poll::Pending
            }
            Ok(0) => Poll::Ready(Error::Closed),
            // The next request, which has to wait.
            Ok(_) => Poll::Pending,
            Err(error) => Poll::Ready(error.into()),
        }
    }

    /// Whether somebody else reads the body. Then whoever asks is woken when that ends.
    pub(super) fn is_read_by_another(&mut self, context: &mut Context<'_>) -> bool {
        if self.has_reader {
            self.server = Some(context.waker().clone());
        }
        self.has_reader
    }

    /// Resolves where the next request begins, because what nobody reads of the body has been skipped; or with an error,
    /// because there is no end to it.
    pub(super) fn poll_settled(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_skip(context, MOST_SKIPPED)
    }

    /// Reads what comes to nothing. Resolves when nothing more will come.
    pub(super) fn poll_silent(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            self.buffer.take();
            match ready!(self.buffer.poll_more(&mut *self.stream, context)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
    }

    /// Whether everything that has come has been used.
    pub(super) fn is_used_up(&self) -> bool {
        self.decoder.is_ended() && self.buffer.is_empty()
    }

    /// Reads the body to its end, for nobody.
    fn poll_skip(&mut self, context: &mut Context<'_>, most: usize) -> Poll<Result<(), Error>> {
        while !self.decoder.is_ended() {
            if self.skipped > most {
                return Poll::Ready(Err(Error::Length));
            }
            if let Some(frame) = ready!(self.poll_body(context)) {
                self.skipped += frame?.data_ref().map_or(0, Bytes::len);
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.decoder.poll_frame(&mut self.buffer, &mut *self.stream, context)
    }

    /// Asks for the body, where its sender waits for that. What has come already need not be asked for.
    fn poll_ask(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if !self.buffer.is_empty() && self.interim.len() == CONTINUE.len() {
            self.interim = b"";
        }
        while !self.interim.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, self.interim))?;
            if written == 0 {
                return Poll::Ready(Err(Error::Incomplete));
            }
            self.interim = &self.interim[written..];
            if self.interim.is_empty() {
                ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            }
        }
        Poll::Ready(Ok(()))
    }
}
