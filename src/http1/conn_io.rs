//! A caller's connection, shared by two users: the server reads headers and writes responses, and the task that forwards a
//! request reads its body.

use super::caller_end::{CallerEnd, is_half_close};
use super::decode::Decoder;
use super::error::Error;
use super::framing::Length;
use super::limits::MAX_HEADER_BYTES;
use super::read::ReadBuffer;
use super::request::{self, RequestHead};
use super::stream::CallerStream;
use bytes::Bytes;
use http_body::Frame;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncWrite, Empty, Join, empty, join};
use tokio::time::{Instant, Sleep, sleep};

/// The interim response for which a caller waits before it sends a body (RFC 9110, section 10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// The maximum number of bytes of empty lines before a request (RFC 9112, section 2.2). Some callers send one line after a body.
const MAX_EMPTY_LINES: usize = 64;
/// The maximum number of bytes of an unused body that are read and discarded to reach the next request.
const MAX_SKIPPED_BYTES: usize = 64 * 1024;
/// How often a connection that is not read is checked for a failure.
const FAILURE_CHECK: Duration = Duration::from_secs(1);

/// A handle to a caller's connection. Clones refer to the same connection.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<ConnIo>>);

/// The state of a caller's connection.
pub(super) struct ConnIo {
    pub(super) stream: Box<dyn CallerStream>,
    pub(super) buffer: ReadBuffer,
    /// What is left to read of the last request's body.
    decoder: Decoder,
    /// The number of bytes of that body that were read and discarded.
    skipped: usize,
    /// The number of bytes of empty lines since the last request.
    empty_lines: usize,
    /// What is known of the caller's end of the connection since the last request.
    caller_end: CallerEnd,
    /// When a connection that is not read is looked at again.
    next_check: Option<Pin<Box<Sleep>>>,
    /// What is left to write of the interim response before the body is read.
    interim: &'static [u8],
    /// A `RequestBody` reads the body.
    has_reader: bool,
    /// The server's task, to be woken when the reader ends.
    server: Option<Waker>,
    /// The reader's task, to be woken when the server ends first.
    reader: Option<Waker>,
}

/// Stands in for the stream of a connection that has been taken out.
impl CallerStream for Join<Empty, Empty> {
    fn reset_when_dropped(&self) {}

    fn failure(&self) -> Option<io::Error> {
        None
    }
}

impl Shared {
    pub(super) fn new(before: Bytes, stream: Box<dyn CallerStream>) -> Self {
        Self(Arc::new(Mutex::new(ConnIo {
            stream,
            buffer: ReadBuffer::new(before),
            decoder: Decoder::Ended,
            skipped: 0,
            empty_lines: 0,
            caller_end: CallerEnd::Unseen,
            next_check: None,
            interim: b"",
            has_reader: false,
            server: None,
            reader: None,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, ConnIo> {
        // A panic elsewhere ends the request, and with it the connection.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnIo {
    /// Reads the next request's header. Returns `None` if the caller has closed the connection, or if `is_last` and no byte of a
    /// header has been received.
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

    /// Begins a body of this length. Returns whether there is one.
    pub(super) fn begin_body(&mut self, length: Length, expects_continue: bool) -> bool {
        (self.decoder, self.skipped, self.caller_end) = (length.into(), 0, CallerEnd::Unseen);
        self.next_check = None;
        self.has_reader = !self.decoder.is_ended();
        self.interim = if expects_continue { CONTINUE } else { b"" };
        self.has_reader
    }

    pub(super) fn body(&self) -> &Decoder {
        &self.decoder
    }

    /// Reads the next frame of the body, for its reader.
    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        ready!(self.poll_ask(context))?;
        let Poll::Ready(frame) = self.poll_body(context) else {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        if matches!(frame, Some(Err(_))) {
            self.caller_end = CallerEnd::Broken;
        }
        if self.decoder.is_over() {
            self.lose_reader();
        }
        Poll::Ready(frame)
    }

    /// Ends the connection, also for the body's reader, and returns its stream.
    pub(super) fn end(&mut self) -> Box<dyn CallerStream> {
        self.decoder.break_off();
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        std::mem::replace(&mut self.stream, Box::new(join(empty(), empty())))
    }

    /// Records that the body has no reader any more.
    pub(super) fn lose_reader(&mut self) {
        self.has_reader = false;
        if let Some(server) = self.server.take() {
            server.wake();
        }
    }

    /// The rest of an interim response of which a part has been written. It must be written before the response.
    pub(super) fn take_interim(&mut self) -> &'static [u8] {
        let interim = std::mem::take(&mut self.interim);
        if interim.len() == CONTINUE.len() { b"" } else { interim }
    }

    /// Resolves when the caller has disconnected. While a body has a reader, the reader detects that.
    ///
    /// A caller that closes its half of the connection may still wait for the response, or may have disconnected. It is
    /// assumed to wait if its last request has `Connection: close`, or if the close arrived together with the request or soon
    /// after it. A failed write later shows that such a caller has disconnected. Where the body is broken, the request fails in
    /// its reader.
    ///
    /// Requests that the caller sends meanwhile are kept, up to the size of a header. A close behind more than that is found
    /// when the first of them are read, but a reset is found within a second.
    pub(super) fn poll_gone(&mut self, context: &mut Context<'_>, is_last_request: bool) -> Poll<Error> {
        let mut since = match self.caller_end {
            CallerEnd::Broken => return Poll::Pending,
            CallerEnd::HalfClosed => return self.poll_failure(context),
            CallerEnd::Open { since } => Some(since),
            CallerEnd::Unseen => None,
        };
        if self.is_read_by_another(context) {
            return Poll::Pending;
        }
        if let Err(error) = ready!(self.poll_skip(context, usize::MAX)) {
            return Poll::Ready(error);
        }
        // What comes is the next request, which has to wait. Its caller may disconnect behind it.
        while self.buffer.held().len() < MAX_HEADER_BYTES {
            let Poll::Ready(read) = self.buffer.poll_more(&mut *self.stream, context) else { break };
            match read {
                Ok(0) if is_last_request || is_half_close(since, self.buffer.held()) => {
                    self.caller_end = CallerEnd::HalfClosed;
                    return self.poll_failure(context);
                }
                Ok(0) => return Poll::Ready(Error::Closed),
                Ok(_) => since = None,
                Err(error) => return Poll::Ready(error.into()),
            }
        }
        self.caller_end = CallerEnd::Open { since: since.unwrap_or_else(Instant::now) };
        if self.buffer.held().len() < MAX_HEADER_BYTES { Poll::Pending } else { self.poll_failure(context) }
    }

    /// Resolves when the connection has failed while nothing is read from it. No event tells that, so it is looked at.
    fn poll_failure(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        loop {
            let next = self.next_check.get_or_insert_with(|| Box::pin(sleep(FAILURE_CHECK)));
            ready!(next.as_mut().poll(context));
            self.next_check = None;
            if let Some(error) = self.stream.failure() {
                return Poll::Ready(error.into());
            }
        }
    }

    /// Whether the body has a reader. If so, the task of `context` is woken when the reader ends.
    pub(super) fn is_read_by_another(&mut self, context: &mut Context<'_>) -> bool {
        if self.has_reader {
            self.server = Some(context.waker().clone());
        }
        self.has_reader
    }

    /// Reads and discards the rest of the body, and resolves where the next request begins; or with an error if the rest exceeds
    /// the limit.
    pub(super) fn poll_settled(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_skip(context, MAX_SKIPPED_BYTES)
    }

    /// Reads and discards everything. Resolves at the end of the stream.
    pub(super) fn poll_silent(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            self.buffer.take();
            match ready!(self.buffer.poll_more(&mut *self.stream, context)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => {}
            }
        }
    }

    /// Whether everything that was received has been consumed.
    pub(super) fn is_used_up(&self) -> bool {
        self.decoder.is_ended() && self.buffer.is_empty()
    }

    /// Reads and discards the body to its end, unless that takes more than `most` bytes.
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

    /// Writes `100 Continue` if the caller waits for it. It is omitted if bytes of the body have been received already.
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
