//! Why listeners or routes cannot be taken into use.

use crate::config::listener::ListenAddr;
use crate::server::bind_error::BindError;
use crate::tls::client::TrustError;
use crate::tls::server::TlsError;

/// Why listeners or routes cannot be taken into use. What is wrong with one of them begins with its name.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The proxy has been told to end.
    #[error("the proxy is shutting down")]
    ShuttingDown,
    /// The address of a listener cannot be bound.
    #[error("listener {0}: cannot listen on {1}")]
    Listen(String, ListenAddr, #[source] BindError),
    /// The TLS files of a listener cannot be used.
    #[error("listener {0}: {1}")]
    Tls(String, #[source] TlsError),
    /// The TLS files of a route cannot be used.
    #[error("route {0}: {1}")]
    Trust(String, #[source] TrustError),
}
