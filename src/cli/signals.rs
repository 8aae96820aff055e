//! The two ways in which a person or an orchestrator ends a process.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM, as orchestrators send it, and SIGINT, as a terminal does.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on, so that neither ends the process by itself.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Resolves at the next of either.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
