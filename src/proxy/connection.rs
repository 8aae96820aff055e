//! One connection to an upstream: what it speaks, and until when it is given to further requests.

use super::heard::Heard;
use super::message_error::MessageError;
use super::request_body::RequestBody;
use crate::http1::fields::members;
use crate::http1::{self, stream::Stream};
use crate::http2::batches::BatchedBody;
use crate::http2::flushes::Flushes;
use crate::http2::observed::Observed;
use crate::http2::send_window::SendWindow;
use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use http_body::{Body, Frame};
use hyper::client::conn::http2;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// The longest that a connection is given to further requests. Then the name is looked up again, so that an upstream
/// that moves is followed within five minutes, whatever the traffic. A request in progress takes the time it takes.
const LIFETIME: Duration = Duration::from_secs(300);
/// The part of it that chance may take away, so that connections opened together do not end together.
const SPREAD: f64 = 0.1;

/// How much sooner than its upstream says an unused connection is given up: what is sent then is on its way for a while.
const MARGIN: Duration = Duration::from_secs(1);
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// A connection to an upstream on which a request can be sent.
pub enum Connection {
    /// One request at a time.
    Http1(Http1),
    /// Many requests at a time: clones of it are in use at once.
    Http2(Http2),
}

/// A connection that carries one request at a time.
pub struct Http1 {
    /// Sends the request.
    pub connection: http1::client::Connection,
    /// When it is no longer given to further requests.
    pub retirement: Retirement,
}

impl Http1 {
    /// A connection that has just been opened.
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self { connection: http1::client::Connection::new(stream), retirement: Retirement::of_new() }
    }

    /// Whether another request may be sent now, as far as can be told, on a connection unused since then.
    pub fn is_good(&mut self, now: Instant, since: Instant) -> bool {
        !self.retirement.is_due_unused(now, since) && self.connection.is_silent()
    }
}

/// A part in a connection that carries many requests. It counts as one of them until it and its stream are dropped.
pub struct Http2 {
    /// Sends a request.
    pub sender: http2::SendRequest<FramedBody>,
    stream: Arc<OpenStream>,
}

/// A body whose length is settled in its header. hyper adds a `Content-Length` of its own where a body tells its length:
/// also one of 0, to requests of every method but GET, HEAD, DELETE and CONNECT.
pub struct FramedBody {
    body: BatchedBody<RequestBody>,
    /// The stream counts as open until the body is dropped.
    _stream: Option<Arc<OpenStream>>,
}

impl FramedBody {
    /// A body that is sent on the connection with these flushes, and on this stream where it holds one open.
    pub fn new(body: RequestBody, flushes: Flushes, stream: Option<Arc<OpenStream>>) -> Self {
        Self { body: BatchedBody::new(body, flushes), _stream: stream }
    }

    /// The body of a request that has not been sent.
    pub fn into_unsent(self) -> RequestBody {
        self.body.into_inner()
    }
}

impl Body for FramedBody {
    type Data = Bytes;
    type Error = MessageError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, MessageError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

/// A clone is another request's part.
impl Clone for Http2 {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), stream: Arc::new(OpenStream::of(&self.stream.0)) }
    }
}

/// A stream of HTTP/2 that the upstream counts: until the response has ended, and the request too.
pub struct OpenStream(Arc<Shared>);

impl OpenStream {
    fn of(shared: &Arc<Shared>) -> Self {
        shared.streams.fetch_add(1, Ordering::Relaxed);
        Self(shared.clone())
    }

    /// Gives the connection to no further requests, whichever part they would use.
    pub fn turn_away(&self) {
        self.0.turned_away.store(true, Ordering::Relaxed);
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Shared {
    streams: AtomicUsize,
    retirement: Retirement,
    turned_away: AtomicBool,
    max_streams: Arc<AtomicUsize>,
    heard: Heard,
    observed: Observed,
}

impl Http2 {
    /// A connection that has just been opened. The task that drives it keeps `max_streams` at what the upstream allows,
    /// and its stream keeps the others at what comes and is sent.
    pub fn new(
        sender: http2::SendRequest<FramedBody>,
        max_streams: Arc<AtomicUsize>,
        heard: Heard,
        observed: Observed,
    ) -> Self {
        let (retirement, turned_away) = (Retirement::of_new(), AtomicBool::new(false));
        let streams = AtomicUsize::new(0);
        let shared = Arc::new(Shared { streams, retirement, turned_away, max_streams, heard, observed });
        Self { sender, stream: Arc::new(OpenStream::of(&shared)) }
    }

    /// Whether another request may be sent now, as far as can be told.
    pub fn is_good(&self, now: Instant) -> bool {
        let turned_away = self.stream.0.turned_away.load(Ordering::Relaxed);
        let is_spent = self.stream.0.retirement.is_due(now) || self.stream.0.observed.has_many_resets();
        // The library's sender learns of the end later than the requests that were lost by it, which would come back here.
        let has_ended = self.sender.is_closed() || self.heard().has_ended();
        !has_ended && !is_spent && !turned_away
    }

    /// What has come on it.
    pub fn heard(&self) -> &Heard {
        &self.stream.0.heard
    }

    /// When what is sent on it is written.
    pub fn flushes(&self) -> &Flushes {
        &self.stream.0.observed.flushes
    }

    /// How much of bodies may be sent on it.
    pub fn window(&self) -> &SendWindow {
        &self.stream.0.observed.window
    }

    /// Whether the upstream takes another request beside those that have a part in this connection, this one aside
    /// (`SETTINGS_MAX_CONCURRENT_STREAMS`, RFC 9113, section 6.5.2).
    pub fn has_room(&self) -> bool {
        self.others() < self.stream.0.max_streams.load(Ordering::Relaxed)
    }

    /// How many other parts there are.
    pub fn others(&self) -> usize {
        self.stream.0.streams.load(Ordering::Relaxed).saturating_sub(1)
    }

    /// The stream of this part's request.
    pub fn stream(&self) -> &Arc<OpenStream> {
        &self.stream
    }
}

/// When a connection is no longer given to further requests.
#[derive(Clone, Copy)]
pub struct Retirement {
    at: Instant,
    /// How long it may be unused.
    unused: Duration,
}

impl Retirement {
    fn of_new() -> Self {
        let at = Instant::now() + LIFETIME.mul_f64(1.0 - SPREAD * fastrand::f64());
        Self { at, unused: Duration::MAX }
    }

    /// The same with what the upstream says in `Keep-Alive` of its own limits: a request that comes when it closes the
    /// connection is lost, and one that is not idempotent must not be sent again.
    pub fn stated(mut self, headers: &HeaderMap) -> Self {
        for parameter in members(headers, &KEEP_ALIVE) {
            let Some(equals) = parameter.iter().position(|byte| *byte == b'=') else { continue };
            let (name, value) = (parameter[..equals].trim_ascii(), parameter[equals + 1..].trim_ascii());
            let value = unquoted(value);
            let Some(value) = str::from_utf8(value).ok().and_then(|value| value.parse().ok()) else {
                continue;
            };
            if name.eq_ignore_ascii_case(b"timeout") {
                self.unused = Duration::from_secs(value).saturating_sub(MARGIN);
            } else if name.eq_ignore_ascii_case(b"max") && value == 0 {
                self.unused = Duration::ZERO;
            }
        }
        self
    }

    fn is_due(&self, now: Instant) -> bool {
        self.at <= now
    }

    fn is_due_unused(&self, now: Instant, since: Instant) -> bool {
        self.is_due(now) || now.duration_since(since) >= self.unused
    }
}

/// A parameter's value without the quotation marks that may be around it (RFC 9110, section 5.6.6).
fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_retired_within_five_minutes_and_not_together_with_others() {
        let retirements: Vec<Retirement> = (0..200).map(|_| Retirement::of_new()).collect();
        let due = || retirements.iter().filter(|retirement| retirement.is_due(Instant::now())).count();
        advance(Duration::from_secs(269)).await;
        assert_eq!(due(), 0);
        advance(Duration::from_secs(16)).await;
        // Of 200 spread over half a minute, it would take a miracle that all are on the same side of the middle.
        assert!((1..200).contains(&due()), "{} are due", due());
        advance(Duration::from_secs(15)).await;
        assert_eq!(due(), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_unused_for_less_than_its_upstream_says() {
        for (stated, seconds) in [
            ("timeout=5", Some(4)),
            ("max=99, timeout=5", Some(4)),
            ("Timeout = 75", Some(74)),
            ("timeout=\"5\"", Some(4)),
            ("max=\"0\"", Some(0)),
            ("timeout=\"5", None),
            ("timeout=1", Some(0)),
            ("timeout=0", Some(0)),
            ("timeout=30, max=0", Some(0)),
            ("max=1", None),
            ("timeout=soon", None),
            ("timeout", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(KEEP_ALIVE, stated.parse().unwrap())]);
            let (retirement, since) = (Retirement::of_new().stated(&headers), Instant::now());
            let due =
                (0..200).find(|after| retirement.is_due_unused(since + Duration::from_secs(*after), since));
            assert_eq!(due, seconds, "{stated}");
        }
    }
}
