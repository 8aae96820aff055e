//! Serves the admin pages on a socket of their own.

use axum::Router;
use axum::serve::Listener;
use std::fmt::Debug;
use std::future::IntoFuture;
use std::io;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a client may keep the listener after shutdown has begun.
const PATIENCE: Duration = Duration::from_secs(1);

/// Serves `router` until `shutdown` completes; then finishes what is being answered, for one second at most.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve<L: Listener<Addr: Debug>>(
    listener: L,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (begin, begun) = oneshot::channel::<()>();
    let graceful = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        drop(begin);
    });
    tokio::select! {
        ended = graceful.into_future() => ended,
        () = overdue(begun) => Ok(()),
    }
}

async fn overdue(begun: oneshot::Receiver<()>) {
    // The sender only ever goes away, and an error is how that is told.
    let _ = begun.await;
    tokio::time::sleep(PATIENCE).await;
}
