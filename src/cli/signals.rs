//! What a person or an orchestrator tells a process: to end, to look at its files again, or to say more.

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

/// SIGHUP, the customary word for changed files.
pub(super) struct Hangups(Signal);

impl Hangups {
    /// Listens from now on, so that it does not end the process.
    pub(super) fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Resolves at the next.
    pub(super) async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// SIGUSR1, to log at debug and back.
pub(super) struct Toggles(Signal);

impl Toggles {
    /// Listens from now on, so that it does not end the process.
    pub(super) fn listen() -> io::Result<Self> {
        signal(SignalKind::user_defined1()).map(Self)
    }

    /// Resolves at the next.
    pub(super) async fn next(&mut self) {
        self.0.recv().await;
    }
}
