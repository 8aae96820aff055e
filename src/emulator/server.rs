//! The HTTP server of the emulator, from accept to drain.

use super::answer::HangUp;
use super::handle::EmulatorHandle;
use super::{control, discovery, service};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The maximum number of open connections; more wait in the listen queue.
const MAX_CONNECTIONS: usize = 1024;
/// The maximum size of a request body in bytes; the largest call that AWS allows is smaller.
const MAX_BODY: usize = 64 * 1024;
/// The maximum time for a request's header, including the wait for the next request on a kept connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
/// The maximum time of a drain.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after an error of `accept`, for example when too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` completes, then drains.
pub(super) async fn serve(listener: TcpListener, handle: EmulatorHandle, shutdown: impl Future<Output = ()>) {
    let closing = handle.closing().clone();
    let router = router(handle);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone(), closing.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(listener);
    closing.cancel();
    let drained = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, drained).await;
}

fn router(handle: EmulatorHandle) -> Router {
    Router::new()
        .route("/", post(service::call))
        .merge(discovery::router(handle.signer().path()))
        .merge(control::router())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(handle)
}

/// The error of a call that a fault ends: hyper closes the connection on it.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer")]
struct Closed;

async fn connection(stream: TcpStream, router: Router, closing: CancellationToken) {
    // Without TCP_NODELAY, a small response may wait for an acknowledgement. The connection works either way.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let response = router.call(request);
        async move {
            match response.await {
                Ok(response) if response.extensions().get::<HangUp>().is_some() => Err(Closed),
                Ok(response) => Ok(response),
                Err(never) => match never {},
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    // An error means that the client has disconnected, and there is nothing to do about that.
    let _ = connection.await;
}
