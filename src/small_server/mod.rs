//! Serves HTTP/1.1 by hyper where no request is forwarded: the listener for metrics and health, the emulator, and the API of the
//! demo. Connections are bounded in number and in time.

use crate::activity::Limits;
use axum::Router;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// One connection, from its first request to its end.
mod connection;
/// The stream of a connection, which is observed.
mod stream;

/// The pause after an error of `accept`, for example when too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The bounds of a small server.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The timeouts of each connection.
    pub timeouts: Limits,
    /// The maximum number of open connections.
    pub max_connections: usize,
    /// What is done about one connection more.
    pub excess: Excess,
    /// Whether a client that has closed its half of a connection still gets its response. Otherwise this ends the request.
    pub half_close: bool,
    /// How long open connections may delay the end of the server after shutdown has begun.
    pub drain_timeout: Duration,
}

/// What is done about a connection beyond the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// The oldest connection is closed for it, so that clients that leak connections lock out nothing.
    ClosesOldest,
    /// It stays in the system's queue until another connection ends.
    Waits,
}

/// In the extensions of a response: the response is not sent, and the connection is closed instead.
#[derive(Clone, Copy, Debug)]
pub struct HangUp;

/// Serves the connections that `accept` gives, each by the router that `router` returns for it, until `shutdown` resolves. Then
/// it accepts no more, and finishes the requests in progress, for `drain_timeout` at most.
pub async fn serve<S>(
    accept: impl AsyncFn() -> S,
    router: impl Fn(&S) -> Router,
    bounds: Bounds,
    shutdown: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut connections, draining) = (JoinSet::new(), CancellationToken::new());
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let is_full = open.len() >= bounds.max_connections;
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => open.retain(|connection| !connection.is_finished()),
            stream = accept(), if !is_full || bounds.excess == Excess::ClosesOldest => {
                if is_full && let Some(oldest) = open.pop_front() {
                    oldest.abort();
                }
                let router = router(&stream);
                open.push_back(connections.spawn(connection::serve(stream, router, bounds, draining.clone())));
            }
        }
    }
    // With it the listener.
    drop(accept);
    draining.cancel();
    let finished = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(bounds.drain_timeout, finished).await;
}

/// Accepts the next connection. After an error there is a short pause before the next attempt.
pub async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            // Without TCP_NODELAY, a small response may wait for an acknowledgement. The connection works either way.
            let _ = stream.set_nodelay(true);
            return stream;
        }
        sleep(ACCEPT_PAUSE).await;
    }
}

#[cfg(test)]
#[path = "small_server_tests.rs"]
mod tests;
