//! Sockets and lifetimes, no business.

/// Bound sockets, and what happens when accepting fails.
pub mod listener;
/// A Unix socket's file.
mod socket_file;
/// A caller's connection, whichever kind of socket it came through.
pub mod stream;
/// The certificate that callers see, and those that they must show.
pub mod tls;
/// Handshakes that fail for a certificate.
pub mod refused_certificates;
/// When a certificate holds.
pub mod validity;
/// Keeps it up to date with its files.
pub mod reload;
/// One caller's connection from handshake to close.
pub mod connection;
/// Busy, idle, or in the middle of a header.
pub mod activity;
/// Which HTTP its first bytes are.
pub mod protocol;
/// How many files may be open, and how many callers that allows.
pub mod file_limit;
/// Callers beyond the limit.
mod overload;
/// What is logged when it begins and when it ends.
mod episode;

use crate::proxy::Proxy;
use crate::proxy::response::TOO_MANY_CONNECTIONS;
use crate::tasks::Tasks;
use activity::Limits;
use connection::Drain;
use listener::Listener;
use overload::Overload;
use refused_certificates::RefusedCertificates;
use reload::InboundTls;
use std::num::NonZeroUsize;
use std::sync::Arc;
use stream::Stream;
use tokio::io::AsyncWriteExt;

/// What every connection needs.
pub struct Server {
    /// Answers the requests.
    pub proxy: Arc<Proxy>,
    /// How callers' TLS is ended; `None` for plain HTTP.
    pub tls: Option<Arc<InboundTls>>,
    /// How long callers may take.
    pub limits: Limits,
    /// The most connections at a time.
    pub max_connections: Option<NonZeroUsize>,
    /// The tasks of connections, one each.
    pub connections: Tasks,
    /// What the log says of certificates that callers show, or do not accept.
    pub refused_certificates: RefusedCertificates,
}

impl Server {
    /// Accepts connections until the drain begins. Those accepted go on in their own tasks.
    pub async fn run(self: Arc<Self>, listener: Arc<Listener>, drain: Drain) {
        let mut overload = Overload::new(self.max_connections);
        loop {
            let (stream, caller) = tokio::select! {
                // The system has accepted these already, and their callers may have sent a request.
                biased;
                accepted = listener.accept() => accepted,
                () = drain.begun() => return,
                () = overload.over() => {
                    overload.finish();
                    continue;
                }
            };
            if overload.refuses(self.connections.running()) {
                // Not in a task of its own: many of them at once would use up the files.
                refuse(stream, self.tls.is_some()).await;
                continue;
            }
            let (server, drain) = (self.clone(), drain.clone());
            self.connections.spawn(async move { connection::serve(&server, stream, caller, drain).await });
        }
    }
}

/// Says why, where that can be said without a TLS handshake, and closes.
async fn refuse(mut stream: Stream, over_tls: bool) {
    if !over_tls {
        // A caller that is gone already needs no reason.
        let _ = stream.write_all(TOO_MANY_CONNECTIONS).await;
        let _ = stream.shutdown().await;
    }
}
