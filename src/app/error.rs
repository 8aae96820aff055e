//! Why a proxy cannot start.

use super::telemetry::TelemetryError;
use crate::config::ListenAddr;
use crate::proxy::trust::TrustError;
use crate::server::listener::BindError;
use crate::server::tls::TlsError;
use std::io;

/// Why a proxy cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address for callers cannot be bound.
    #[error("--listen-addr (LISTEN_ADDR): cannot listen on {0}")]
    Listen(ListenAddr, #[source] BindError),
    /// The address for metrics cannot be bound.
    #[error("--metrics-listen-addr (METRICS_LISTEN_ADDR): cannot listen on {0}")]
    MetricsListen(ListenAddr, #[source] BindError),
    /// A socket was made for this process that it cannot use.
    #[error("a socket that was handed over cannot be used")]
    HandedOver(#[source] io::Error),
    /// A socket for metrics was made for this process, and metrics are off.
    #[error("a second socket was handed over, which is for metrics, but --metrics-enabled is false")]
    NoMetrics,
    /// Callers' TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Upstreams' certificates could not be verified.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A listener has no address of its kind.
    #[error("a listener has no address")]
    Address(#[source] io::Error),
    /// Metrics and spans cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}
