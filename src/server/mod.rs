//! Callers' connections: sockets, TLS, deadlines and drain. What a request means is the proxy's part.

/// Where a listener can be reached.
pub mod address;
/// Why a listener cannot be bound.
pub mod bind_error;
/// Listening sockets.
pub mod listener;
/// The file of a Unix socket.
mod socket_file;
/// The socket of a caller's connection.
pub mod stream;
/// Logs handshakes that fail because of a certificate.
pub mod refused_certificates;
/// What all connections share.
pub mod shared;
/// Accepts connections.
mod accept;
/// A caller's connection from handshake to close.
pub mod connection;
/// Detects the version of HTTP.
pub mod protocol;
/// The limit of open files, and the number of connections that it allows.
pub mod file_limit;
/// The limit on connections.
mod overload;
/// Failures that are logged when they begin and when they end.
mod episode;
