//! One caller's connection from handshake to close: HTTP/1.1 or HTTP/2, with its deadlines, until it drains.

use super::Server;
use super::activity::{Activity, BusyBody, Expired, Limits};
use super::stream::Stream;
use crate::proxy::headers::client_address;
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulConnection;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The most that is buffered of one HTTP/1.1 message that is being read.
const MOST_BUFFERED: usize = 64 * 1024;
/// The most requests at a time on one HTTP/2 connection.
const MOST_STREAMS: u32 = 250;

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
    let Some(tls) = &server.tls else {
        return speak_http(server, stream, caller, drain).await;
    };
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
    let builder = builder();
    let stream = TokioIo::new(activity.watch(stream));
    let mut connection = std::pin::pin!(builder.serve_connection_with_upgrades(stream, service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = drain.begun() => finish(connection, &activity, server.limits).await,
        expired = activity.expired(server.limits) => match expired {
            Expired::Idle => finish(connection, &activity, server.limits).await,
            // There is nobody to answer: the request is not even known yet.
            Expired::Header => Ok(()),
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a caller's connection ended early");
    }
}

/// Lets the requests end that are being answered, and takes no more.
async fn finish<C, E>(mut connection: Pin<&mut C>, activity: &Activity, limits: Limits) -> Result<(), E>
where
    C: GracefulConnection<Error = E> + Future<Output = Result<(), E>>,
{
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        outcome = connection => outcome,
        // A half-sent header must not hold the drain.
        _ = activity.expired(limits) => Ok(()),
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().max_buf_size(MOST_BUFFERED);
    builder
        .http2()
        .timer(TokioTimer::new())
        .adaptive_window(true)
        .max_concurrent_streams(MOST_STREAMS)
        .enable_connect_protocol()
        .keep_alive_interval(Duration::from_secs(30));
    builder
}
