//! The HTTP server of the emulator, from accept to drain.

use super::handle::EmulatorHandle;
use super::{control, discovery, parties, service};
use crate::activity::Limits;
use crate::small_server::{self, Bounds, Excess};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpListener;

/// The maximum size of a request body in bytes; the largest call that AWS allows is smaller.
const MAX_BODY: usize = 64 * 1024;
/// The maximum time for a request's header, and for the wait for the next request on a kept connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
/// The bounds on connections. More of them wait in the listen queue, and a client that gives up ends its call.
const BOUNDS: Bounds = Bounds {
    timeouts: Limits { header_read_timeout: HEADER_TIMEOUT, idle_timeout: HEADER_TIMEOUT },
    max_connections: 1024,
    excess: Excess::Waits,
    half_close: false,
    drain_timeout: Duration::from_secs(10),
};

/// Serves until `shutdown` completes, then drains.
pub(super) async fn serve(listener: TcpListener, handle: EmulatorHandle, shutdown: impl Future<Output = ()>) {
    let closing = handle.closing().clone();
    let router = router(handle);
    let closed = async {
        shutdown.await;
        // Faults hold up no call any more.
        closing.cancel();
    };
    let accept = async move || small_server::accept(&listener).await;
    small_server::serve(accept, |_| router.clone(), BOUNDS, closed).await;
}

fn router(handle: EmulatorHandle) -> Router {
    Router::new()
        .route("/", post(service::call))
        .merge(discovery::router(handle.signer().path()))
        .merge(control::router())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .merge(parties::router())
        .with_state(handle)
}
