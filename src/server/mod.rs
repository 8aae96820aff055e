//! Sockets and lifetimes, no business.

/// Bound addresses, and what happens when accepting fails.
pub mod listener;
/// The certificate that callers see.
pub mod tls;
/// One caller's connection from handshake to close.
pub mod connection;
/// Busy, idle, or in the middle of a header.
pub mod activity;

use crate::proxy::Proxy;
use crate::proxy::response::TOO_MANY_CONNECTIONS;
use crate::tasks::Tasks;
use activity::Limits;
use connection::Drain;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What every connection needs.
pub struct Server {
    /// Answers the requests.
    pub proxy: Arc<Proxy>,
    /// How callers' TLS is ended; `None` for plain HTTP.
    pub tls: Option<TlsAcceptor>,
    /// How long callers may take.
    pub limits: Limits,
    /// The most connections at a time.
    pub max_connections: Option<NonZeroUsize>,
    /// The tasks of connections, one each.
    pub connections: Tasks,
}

impl Server {
    /// Accepts connections until the drain begins. Those accepted go on in their own tasks.
    pub async fn run(self: Arc<Self>, listener: TcpListener, drain: Drain) {
        loop {
            let stream = tokio::select! {
                stream = listener::accept(&listener) => stream,
                () = drain.begun() => return,
            };
            if self.max_connections.is_some_and(|most| self.connections.running() >= most.get()) {
                self.connections.spawn(refuse(stream, self.tls.is_some()));
                continue;
            }
            let (server, drain) = (self.clone(), drain.clone());
            self.connections.spawn(async move { connection::serve(&server, stream, drain).await });
        }
    }
}

/// Says why, where that can be said without a TLS handshake, and closes.
async fn refuse(mut stream: TcpStream, over_tls: bool) {
    if !over_tls {
        // A caller that is gone already needs no reason.
        let _ = stream.write_all(TOO_MANY_CONNECTIONS).await;
        let _ = stream.shutdown().await;
    }
}
