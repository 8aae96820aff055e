//! One caller's connection from handshake to close: HTTP/1.1 or HTTP/2, with its deadlines, until it drains.

use super::Server;
use super::activity::{Activity, BusyBody, Expired, Limits};
use super::reload::InboundTls;
use super::stream::Stream;
use super::watched::Protocol;
use crate::proxy::headers::client_address;
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The most that is buffered of one HTTP/1.1 message that is being read.
const MOST_BUFFERED: usize = 64 * 1024;
/// The most requests at a time on one HTTP/2 connection.
const MOST_STREAMS: u32 = 250;
/// How far a caller may send ahead on one HTTP/2 stream, in bytes.
const STREAM_WINDOW: u32 = 512 << 10;
/// The same on a connection. Small frames that are unread count against half of it, 256 bytes each, so windows that adapt
/// would begin with too little for 130 small messages at once.
const CONNECTION_WINDOW: u32 = 4 << 20;
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
pub async fn serve(server: &Arc<Server>, stream: Stream, caller: Option<IpAddr>, drain: Drain) {
    if stream.send_at_once().is_err() {
        return;
    }
    let caller = caller.map(client_address);
    match &server.tls {
        None => speak_http(server, stream, caller, drain).await,
        // Boxed, because it is three times as large, and every connection without TLS would make room for it.
        Some(tls) => Box::pin(speak_tls(server, tls, stream, caller, drain)).await,
    }
}

async fn speak_tls(
    server: &Arc<Server>,
    tls: &InboundTls,
    stream: Stream,
    caller: Option<HeaderValue>,
    drain: Drain,
) {
    match timeout(server.limits.header_read_timeout, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => speak_http(server, stream, caller, drain).await,
        Ok(Err(error)) => tracing::debug!(%error, "a caller's TLS handshake failed"),
        Err(_) => tracing::debug!("a caller's TLS handshake took too long"),
    }
}

async fn speak_http(
    server: &Arc<Server>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    caller: Option<HeaderValue>,
    drain: Drain,
) {
    let activity = Activity::of_new_connection();
    let service = service_fn(|request: Request<Incoming>| {
        let (server, caller, busy) = (server.clone(), caller.clone(), activity.busy());
        async move {
            let (response, pipe) = server.proxy.answer(request, caller.as_ref()).await;
            if let Some(pipe) = pipe {
                // Over HTTP/2 the pipe is part of this connection, which is not idle while it lasts.
                let busy = busy.also();
                server.connections.spawn(async move {
                    pipe.run().await;
                    drop(busy);
                });
            }
            Ok::<_, Infallible>(response.map(|body| BusyBody::new(body, busy)))
        }
    });
    let mut stream = activity.watch(stream);
    let deadlines = Deadlines { activity: &activity, limits: server.limits, drain: &drain };
    let protocol = tokio::select! {
        protocol = stream.protocol() => protocol,
        // There is nobody to answer: the request is not even known yet.
        () = deadlines.drained() => return,
        _ = activity.expired(server.limits) => return,
    };
    let outcome = match protocol {
        Ok(Protocol::Http1) => {
            let connection = http1().serve_connection(TokioIo::new(stream), service).with_upgrades();
            deadlines.apply(pin!(connection), |connection| connection.graceful_shutdown()).await
        }
        Ok(Protocol::Http2) => {
            // Boxed, because it is twice as large, and every connection of HTTP/1.1 would make room for it.
            let mut connection = Box::pin(http2().serve_connection(TokioIo::new(stream), service));
            deadlines.apply(connection.as_mut(), |connection| connection.graceful_shutdown()).await
        }
        Err(_) => return,
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a caller's connection ended early");
    }
}

/// What ends a connection besides its caller.
struct Deadlines<'c> {
    activity: &'c Activity,
    limits: Limits,
    drain: &'c Drain,
}

impl Deadlines<'_> {
    /// Drives the connection to its end. `stop` makes it take no more requests.
    async fn apply<C: Future<Output = hyper::Result<()>>>(
        &self,
        mut connection: Pin<&mut C>,
        stop: impl FnOnce(Pin<&mut C>),
    ) -> hyper::Result<()> {
        tokio::select! {
            outcome = connection.as_mut() => return outcome,
            () = self.drained() => {}
            expired = self.activity.expired(self.limits) => match expired {
                Expired::Idle => {}
                // There is nobody to answer: the request is not even known yet.
                Expired::Header => return Ok(()),
            }
        }
        stop(connection.as_mut());
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

fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // The buffer alone is no exact bound: what it takes at once can pass it by as much again.
    builder.max_buf_size(MOST_BUFFERED).max_header_size(MOST_BUFFERED);
    builder
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MOST_STREAMS)
        .enable_connect_protocol()
        .keep_alive_interval(Duration::from_secs(30));
    builder
}
