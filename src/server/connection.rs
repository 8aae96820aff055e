//! One caller's connection from handshake to close: HTTP/1.1 or HTTP/2, with its deadlines, until it drains.

use super::Server;
use super::activity::{Activity, BusyBody, Expired, Limits};
use super::protocol::{Protocol, spoken_on};
use super::reload::InboundTls;
use super::stream::Stream as Socket;
use crate::http1::error::Error;
use crate::http1::limits::MAX_HEADER_LIST_SIZE;
use crate::http1::request_body;
use crate::http1::rewind::Rewind;
use crate::http1::server;
use crate::http1::server::{Answering, Handler};
use crate::http1::stream::CallerStream;
use crate::http2::flushes::{FlushedBody, Flushes};
use crate::http2::frames::CountedFrames;
use crate::http2::lasting::Lasting;
use crate::proxy::body::{RequestBody, ResponseBody};
use crate::proxy::headers::client_address;
use crate::proxy::incoming::Incoming;
use http::{HeaderValue, Request, Response};
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

/// The most requests at a time on one HTTP/2 connection: as many as nginx and the load balancers of AWS take.
const MOST_STREAMS: u32 = 128;
/// How far a caller may send ahead on one HTTP/2 stream, in bytes.
const STREAM_WINDOW: u32 = 64 << 10;
/// The same on a connection: room for every stream, so that uploads which a slow upstream does not take leave room for
/// uploads to another (RFC 9113, section 5.2.2).
const CONNECTION_WINDOW: u32 = MOST_STREAMS * STREAM_WINDOW;
/// How much of a response waits in memory for a caller that does not read, in bytes a stream: one piece of a body that is
/// read in pieces of this size.
const SEND_BUFFER: usize = 16 << 10;
/// How long a connection's first request may still take to come when the drain begins. Its caller may have connected a
/// moment before, and have sent it already.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// Tells connections to finish. Cloning is cheap and gives the same signal.
#[derive(Clone, Debug, Default)]
pub struct Drain(CancellationToken);

impl Drain {
    /// From now on no connection takes another request.
    pub fn begin(&self) {
        self.0.cancel();
    }

    /// Resolves when the drain has begun.
    pub async fn begun(&self) {
        self.0.cancelled().await;
    }
}

/// Serves one connection to its end. A caller on this machine has no address.
pub async fn serve(server: &Arc<Server>, stream: Socket, address: Option<IpAddr>, drain: Drain) {
    if stream.send_at_once().is_err() {
        return;
    }
    match &server.tls {
        None => speak_http(server, stream, address.map(client_address), drain).await,
        // Boxed, because it is three times as large, and every connection without TLS would make room for it.
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
        Ok(Ok(stream)) => speak_http(server, stream, address.map(client_address), drain).await,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a caller's TLS handshake failed");
            server.refused_certificates.note(&error, address);
        }
        Err(_) => tracing::debug!("a caller's TLS handshake took too long"),
    }
}

async fn speak_http(
    server: &Arc<Server>,
    mut stream: impl CallerStream,
    caller: Option<HeaderValue>,
    drain: Drain,
) {
    let activity = Activity::of_new_connection();
    let deadlines = Deadlines { activity: &activity, limits: server.limits, drain: &drain };
    let spoken = tokio::select! {
        spoken = spoken_on(&mut stream, &activity) => spoken,
        // There is nobody to answer: the request is not even known yet.
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
                    Ok::<_, Infallible>(response.map(|body| FlushedBody::new(body, flushes)))
                }
            });
            let connection = http2().serve_connection(stream, service);
            // Boxed in there, because it is twice as large, and every connection of HTTP/1.1 would make room for it.
            let connection = Lasting::new(connection, connection_flushes, MOST_STREAMS);
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

/// Answers the requests of one connection.
struct Callers {
    server: Arc<Server>,
    caller: Option<HeaderValue>,
    activity: Activity,
}

impl Callers {
    fn answer_one(&self, mut request: Request<RequestBody>) -> Answering<BusyBody<ResponseBody>> {
        let (server, caller, busy) = (self.server.clone(), self.caller.clone(), self.activity.busy());
        Box::pin(async move {
            let (response, pipe) = server.proxy.answer(&mut request, caller.as_ref()).await;
            if let Some(pipe) = pipe {
                // Over HTTP/2 the pipe is part of this connection, which is not idle while it lasts.
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
        let response = self.server.proxy.refuse(error, told, self.caller.as_ref());
        response.map(|body| BusyBody::new(body, self.activity.busy()))
    }
}

/// Why a connection takes no more requests.
enum Reason {
    Drain,
    Idle,
}

/// What ends a connection besides its caller.
struct Deadlines<'c> {
    activity: &'c Activity,
    limits: Limits,
    drain: &'c Drain,
}

impl Deadlines<'_> {
    /// Drives the connection to its end. `stop` makes it take no more requests.
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
                // There is nobody to answer: the request is not even known yet.
                Expired::Header => return Ok(()),
            }
        };
        stop(connection.as_mut(), reason);
        tokio::select! {
            outcome = connection => outcome,
            // A half-sent header must not hold the drain.
            _ = self.activity.expired(self.limits) => Ok(()),
        }
    }

    /// The drain has begun, and there has been a first request, or time for one.
    async fn drained(&self) {
        self.drain.begun().await;
        let _ = timeout(FIRST_REQUEST, self.activity.asked()).await;
    }
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MOST_STREAMS)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(MAX_HEADER_LIST_SIZE)
        .enable_connect_protocol()
        .keep_alive_interval(Duration::from_secs(30));
    builder
}
