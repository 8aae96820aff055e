//! Serves the admin pages on a socket of their own, within bounds of their own: a scraper that leaks connections or does not
//! read must not use up the files and the memory of the proxy.

use crate::activity::Limits;
use crate::server::stream::Stream as Socket;
use crate::small_server::{self, Bounds, Excess};
use axum::{Extension, Router};
use std::time::Duration;

/// How long open connections may delay the end of the listener after shutdown has begun.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// The most connections at a time. One more closes the oldest.
const MAX_CONNECTIONS: usize = 64;

/// Whether a request came over a connection to a loopback address.
#[derive(Clone, Copy)]
pub struct OnLoopback(pub bool);

/// Serves `router` on the connections that `accept` gives until `shutdown` resolves; then finishes what is being answered,
/// for one second at most.
pub async fn serve(
    accept: impl AsyncFn() -> Socket,
    router: Router,
    timeouts: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let bounds = Bounds {
        timeouts,
        max_connections: MAX_CONNECTIONS,
        excess: Excess::ClosesOldest,
        half_close: true,
        drain_timeout: SHUTDOWN_TIMEOUT,
    };
    let router = |stream: &Socket| router.clone().layer(Extension(OnLoopback(stream.is_on_loopback())));
    small_server::serve(accept, router, bounds, shutdown).await;
}
