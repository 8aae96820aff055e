//! Why a listener cannot be bound.

use std::io;

/// Why a listener cannot be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The system rejects the address, or has no such address.
    #[error(transparent)]
    System(#[from] io::Error),
    /// Another process listens on the socket at this path.
    #[error("another process listens on this socket")]
    InUse,
    /// The path has a file that is no socket. It is not touched.
    #[error("a file that is no socket is in the way")]
    NotASocket,
    /// The path has a socket, and whether a process listens on it cannot be determined.
    #[error("a socket is in the way, and whether a process listens on it cannot be told")]
    Unclear(#[source] io::Error),
}
