//! Accepts callers' connections.

use super::connection::{self, Drain};
use super::listener::Listener;
use super::overload::Overload;
use super::shared::Server;
use super::stream::Stream;
use crate::proxy::response::TOO_MANY_CONNECTIONS;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

impl Server {
    /// Accepts connections until the drain begins. Each is served by its own task, also after that.
    pub async fn run(self: Arc<Self>, listener: Arc<Listener>, drain: Drain) {
        let mut overload = Overload::new(self.max_connections);
        loop {
            let (stream, caller) = tokio::select! {
                // Connections that the system has accepted already come first, because their callers may have sent a request.
                biased;
                accepted = listener.accept() => accepted,
                () = drain.begun() => return,
                () = overload.over() => {
                    overload.finish();
                    continue;
                }
            };
            if overload.refuses(self.connections.running()) {
                // This has no task of its own, because many such tasks at once would exhaust the limit of open files.
                refuse(stream, self.tls.is_some()).await;
                continue;
            }
            let (server, drain) = (self.clone(), drain.clone());
            self.connections.spawn(async move { connection::serve(&server, stream, caller, drain).await });
        }
    }
}

/// Closes a connection beyond the limit. Without TLS, sends a response with the reason before.
async fn refuse(mut stream: Stream, over_tls: bool) {
    if !over_tls {
        // A failure is ignored, because the connection ends anyway.
        let _ = stream.write_all(TOO_MANY_CONNECTIONS).await;
        let _ = stream.shutdown().await;
    }
}
