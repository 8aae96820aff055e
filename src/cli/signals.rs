//! The signals that people and orchestrators send: to stop, to look at files again, or to change the log level.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM, which orchestrators send, and SIGINT, which terminals send.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Handles both signals from now on, so that they no longer end the process.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Resolves at the next SIGTERM or SIGINT.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGHUP, the customary signal for changed files.
pub(super) struct Hangups(Signal);

impl Hangups {
    /// Handles SIGHUP from now on, so that it no longer ends the process.
    pub(super) fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Resolves at the next SIGHUP.
    pub(super) async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// SIGUSR1, which changes the log level to debug and back.
pub(super) struct Toggles(Signal);

impl Toggles {
    /// Handles SIGUSR1 from now on, so that it no longer ends the process.
    pub(super) fn listen() -> io::Result<Self> {
        signal(SignalKind::user_defined1()).map(Self)
    }

    /// Resolves at the next SIGUSR1.
    pub(super) async fn next(&mut self) {
        self.0.recv().await;
    }
}
