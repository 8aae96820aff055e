//! Why a proxy cannot start.

use super::load_error::LoadError;
use super::telemetry::TelemetryError;
use crate::config::listener::ListenAddr;
use crate::config::route;
use crate::server::bind_error::BindError;
use crate::tls::client::TrustError;
use crate::tls::server::TlsError;
use std::io;

/// Why a proxy cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address for callers cannot be bound.
    #[error("--listen-addr (LISTEN_ADDR): cannot listen on {0}")]
    Listen(ListenAddr, #[source] BindError),
    /// A listener or route of the configuration file cannot be taken into use.
    #[error(transparent)]
    Load(LoadError),
    /// The address for metrics cannot be bound.
    #[error("--metrics-listen-addr (METRICS_LISTEN_ADDR): cannot listen on {0}")]
    MetricsListen(ListenAddr, #[source] BindError),
    /// A socket of the service manager cannot be used.
    #[error("a socket that was handed over cannot be used")]
    InheritedSocket(#[source] io::Error),
    /// The service manager has made a socket for metrics, and metrics are off.
    #[error("a second socket was handed over, which is for metrics, but --metrics-enabled is false")]
    NoMetrics,
    /// TLS for callers cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// TLS towards upstreams cannot be set up.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The address of a listener cannot be read, or is no TCP address.
    #[error("a listener has no address")]
    Address(#[source] io::Error),
    /// Metrics and spans cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

/// What flags say is named by its flag, and what a file says by the names that stand there.
impl From<LoadError> for StartError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Listen(name, address, cause) if route::label(&name).is_none() => {
                Self::Listen(address, cause)
            }
            LoadError::Tls(name, cause) if route::label(&name).is_none() => Self::Tls(cause),
            LoadError::Trust(name, cause) if route::label(&name).is_none() => Self::Trust(cause),
            LoadError::ShuttingDown | LoadError::Listen(..) | LoadError::Tls(..) | LoadError::Trust(..) => {
                Self::Load(error)
            }
        }
    }
}
