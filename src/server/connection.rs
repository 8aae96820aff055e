//! A caller's connection from handshake to close: HTTP/1.1 or HTTP/2, its deadlines and its drain.

use super::protocol::{Protocol, spoken_on};
use super::shared::Server;
use super::stream::Stream as Socket;
use crate::activity::{Activity, BusyBody, Expired, Limits};
use crate::http1::error::Error;
use crate::http1::limits::MAX_HEADER_LIST_SIZE;
use crate::http1::request_body;
use crate::http1::rewind::Rewind;
use crate::http1::server;
use crate::http1::server::{Answering, Handler};
use crate::http1::stream::CallerStream;
use crate::http2::batches::BatchedBody;
use crate::http2::flushes::{FlushedBody, Flushes};
use crate::http2::frames::CountedFrames;
use crate::http2::lasting::Lasting;
use crate::model::caller::Caller;
use crate::proxy::incoming::Incoming;
use crate::proxy::request_body::RequestBody;
use crate::proxy::response_body::ResponseBody;
use crate::tls::server::InboundTls;
use http::{Request, Response};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fmt::Display;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The maximum number of concurrent requests on one HTTP/2 connection. nginx and the load balancers of AWS have the same limit.
const MAX_CONCURRENT_STREAMS: u32 = 128;
/// The flow-control window of one HTTP/2 stream in bytes (RFC 9113, section 5.2).
const STREAM_WINDOW: u32 = 64 << 10;
/// The flow-control window of an HTTP/2 connection. It covers the windows of all streams, so that uploads to a slow upstream do
/// not block uploads to another (RFC 9113, section 5.2.2).
const CONNECTION_WINDOW: u32 = MAX_CONCURRENT_STREAMS * STREAM_WINDOW;
/// The maximum number of bytes of a response that wait in memory for a slow caller, for each stream: one piece of a body, which
/// is read in pieces of this size.
const SEND_BUFFER: usize = 16 << 10;
/// How long a connection that drains waits for its first request. The caller may have connected just before the drain, and sent
/// the request already.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// The signal that connections must finish. Clones are the same signal.
#[derive(Clone, Debug, Default)]
pub struct Drain(CancellationToken);

impl Drain {
    /// A signal of its own that this one gives too.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// From now on, no connection accepts further requests.
    pub fn begin(&self) {
        self.0.cancel();
    }

    /// Resolves when the drain has begun.
    pub async fn begun(&self) {
        self.0.cancelled().await;
    }
}

/// Serves one connection to its end. `address` is `None` for a Unix socket.
pub async fn serve(server: &Arc<Server>, stream: Socket, address: Option<IpAddr>, drain: Drain) {
    if stream.send_at_once().is_err() {
        return;
    }
    match &server.tls {
        None => speak_http(server, stream, Caller::new(address), drain).await,
        // The future is boxed, because it is three times as large, and connections without TLS would need the memory too.
        Some(tls) => Box::pin(speak_tls(server, tls, stream, address, drain)).await,
    }
}

async fn speak_tls(
    server: &Arc<Server>,
    tls: &InboundTls,
    stream: Socket,
    address: Option<IpAddr>,
    drain: Drain,
) {
    match timeout(server.limits.header_read_timeout, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => speak_http(server, stream, Caller::new(address), drain).await,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a caller's TLS handshake failed");
            server.refused_certificates.note(&error, address);
        }
        Err(_) => tracing::debug!("a caller's TLS handshake took too long"),
    }
}

async fn speak_http(server: &Arc<Server>, mut stream: impl CallerStream, caller: Caller, drain: Drain) {
    let activity = Activity::of_new_connection();
    let deadlines = Deadlines { activity: &activity, limits: server.limits, drain: &drain };
    let spoken = tokio::select! {
        spoken = spoken_on(&mut stream, &activity) => spoken,
        // There is no request to respond to yet.
        () = deadlines.drained() => return,
        _ = activity.expired(server.limits) => return,
    };
    let callers = Callers { server: server.clone(), caller, activity: activity.clone() };
    match spoken {
        Ok((Protocol::Http1, before)) => {
            let connection = server::Connection::new(before, stream, callers);
            let stop = |connection: Pin<&mut server::Connection<_>>, reason| match reason {
                Reason::Drain => connection.get_mut().drain(),
                Reason::Idle => connection.get_mut().leave(),
            };
            report(deadlines.apply(pin!(connection), drain.begun(), stop).await);
        }
        Ok((Protocol::Http2, before)) => {
            let flushes = Flushes::default();
            let stream = Rewind::new(before, Box::new(stream));
            let within = server.limits.header_read_timeout;
            let stream = TokioIo::new(CountedFrames::of_caller(stream, flushes.clone(), within));
            let connection_flushes = flushes.clone();
            let service = service_fn(move |request: Request<_>| {
                let answer = callers.answer_one(request.map(|body| RequestBody::new(Incoming::Http2(body))));
                let flushes = flushes.clone();
                async move {
                    let mut response = answer.await;
                    response.body_mut().get_mut().read_little();
                    let batched = response.map(|body| BatchedBody::new(body, flushes.clone()));
                    Ok::<_, Infallible>(batched.map(|body| FlushedBody::new(body, flushes)))
                }
            });
            let connection = http2().serve_connection(stream, service);
            // `Lasting` boxes the future, because it is twice as large, and connections with HTTP/1.1 would need the memory too.
            let connection = Lasting::new(connection, connection_flushes, MAX_CONCURRENT_STREAMS);
            let stop = |connection: Pin<&mut Lasting<http2::Connection<_, _, _>>>, _| {
                connection.get_mut().connection().graceful_shutdown();
            };
            report(deadlines.apply(pin!(connection), deadlines.drained(), stop).await);
        }
        Err(_) => {}
    }
}

fn report<E: Display>(outcome: Result<(), E>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "a caller's connection ended early");
    }
}

/// Responds to the requests of one connection.
struct Callers {
    server: Arc<Server>,
    caller: Caller,
    activity: Activity,
}

impl Callers {
    fn answer_one(&self, mut request: Request<RequestBody>) -> Answering<BusyBody<ResponseBody>> {
        let (server, caller, busy) = (self.server.clone(), self.caller.clone(), self.activity.busy());
        Box::pin(async move {
            let (response, pipe) = server.proxy.answer(&server.listener_info, &mut request, &caller).await;
            if let Some(pipe) = pipe {
                // Over HTTP/2 the pipe is a stream of this connection, which is not idle while the pipe is open.
                let busy = busy.also();
                server.connections.spawn(async move {
                    pipe.run().await;
                    drop(busy);
                });
            }
            response.map(|body| BusyBody::new(body, busy))
        })
    }
}

impl Handler for Callers {
    type Body = BusyBody<ResponseBody>;

    fn header_begun(&self) {
        self.activity.header_begun();
    }

    fn answer(&self, request: Request<request_body::RequestBody>) -> Answering<Self::Body> {
        self.answer_one(request.map(|body| RequestBody::new(Incoming::Http1(body))))
    }

    fn refuse(&self, error: Error, told: &Request<()>) -> Response<Self::Body> {
        let response = self.server.proxy.refuse(&self.server.listener_info, error, told, &self.caller);
        response.map(|body| BusyBody::new(body, self.activity.busy()))
    }
}

/// Why a connection accepts no more requests.
enum Reason {
    Drain,
    Idle,
}

/// The timeouts and the drain that end a connection.
struct Deadlines<'c> {
    activity: &'c Activity,
    limits: Limits,
    drain: &'c Drain,
}

impl Deadlines<'_> {
    /// Drives the connection to its end. `stop` makes it accept no more requests.
    async fn apply<C: Future<Output = Result<(), E>>, E>(
        &self,
        mut connection: Pin<&mut C>,
        drained: impl Future<Output = ()>,
        stop: impl FnOnce(Pin<&mut C>, Reason),
    ) -> Result<(), E> {
        let reason = tokio::select! {
            outcome = connection.as_mut() => return outcome,
            () = drained => Reason::Drain,
            expired = self.activity.expired(self.limits) => match expired {
                Expired::Idle => Reason::Idle,
                // There is no request to respond to yet.
                Expired::Header => return Ok(()),
            }
        };
        stop(connection.as_mut(), reason);
        tokio::select! {
            outcome = connection => outcome,
            // An incomplete header must not delay the drain.
            _ = self.activity.expired(self.limits) => Ok(()),
        }
    }

    /// Resolves when the drain has begun and the connection has had a first request, or the timeout for one has passed.
    async fn drained(&self) {
        self.drain.begun().await;
        let _ = timeout(FIRST_REQUEST_TIMEOUT, self.activity.asked()).await;
    }
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(MAX_HEADER_LIST_SIZE)
        .enable_connect_protocol()
        .keep_alive_interval(Duration::from_secs(30));
    builder
}
