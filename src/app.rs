//! Wires everything: bind, run, drain.

use crate::admin;
use crate::admin::health::Readiness;
use crate::clock::Clock;
use crate::config::{Config, Routing};
use crate::proxy::connector::Connector;
use crate::proxy::pool::Pool;
use crate::proxy::trust::{self, TrustError};
use crate::proxy::upstream::Upstream;
use crate::proxy::{Proxy, Tokens, audience};
use crate::server::activity::Limits;
use crate::server::connection::Drain;
use crate::server::tls::{self, TlsError};
use crate::server::{Server, listener};
use crate::tasks::Tasks;
use crate::telemetry::metrics::{Metrics, MetricsError};
use crate::token::TokenSource;
use crate::token::audience_set::AudienceSet;
use crate::token::cache::{Settings, Shelf, TokenCache};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

/// The most series of one metric; more label values are counted together.
const MOST_SERIES: usize = 1000;

/// A proxy that owns its sockets and knows its addresses, but does not serve yet.
pub struct App {
    config: Config,
    proxy_listener: TcpListener,
    admin_listener: Option<TcpListener>,
    server: Arc<Server>,
    metrics: Metrics,
    readiness: Readiness,
    tokens: TokenCache,
    shelf: Option<Arc<Shelf>>,
}

/// Why a proxy cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address for callers cannot be bound.
    #[error("--listen-addr (LISTEN_ADDR): cannot listen on {0}: {1}")]
    Listen(String, #[source] io::Error),
    /// The address for metrics cannot be bound.
    #[error("--metrics-listen-addr (METRICS_LISTEN_ADDR): cannot listen on {0}: {1}")]
    MetricsListen(String, #[source] io::Error),
    /// Callers' TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Upstreams' certificates could not be verified.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Metrics cannot be set up.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

impl App {
    /// Binds the listeners and puts the parts together. Tokens come from `source`.
    ///
    /// # Errors
    /// When an address is taken, or a certificate cannot be used.
    pub async fn bind(config: Config, source: Arc<dyn TokenSource>, clock: Clock) -> Result<Self, StartError> {
        let proxy_listener = listener::bind(&config.listen)
            .await
            .map_err(|error| StartError::Listen(config.listen.to_string(), error))?;
        let admin_listener = match &config.metrics {
            None => None,
            Some(metrics) => Some(
                listener::bind(&metrics.listen)
                    .await
                    .map_err(|error| StartError::MetricsListen(metrics.listen.to_string(), error))?,
            ),
        };
        let metrics = if config.metrics.is_some() { Metrics::new(MOST_SERIES)? } else { Metrics::disabled() };
        let tokens = TokenCache::new(
            source,
            Settings {
                clock,
                fetch_timeout: config.tokens.fetch_timeout,
                refresh_skew: config.tokens.refresh_skew,
                capacity: config.tokens.cache_capacity,
                metrics: metrics.clone(),
            },
        );
        let shelf = static_audiences(&config).map(|audiences| tokens.keep(&audiences));
        let server = Arc::new(server(&config, &metrics, &tokens, shelf.clone())?);
        let readiness = Readiness::new();
        Ok(Self { config, proxy_listener, admin_listener, server, metrics, readiness, tokens, shelf })
    }

    /// Where callers connect.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn proxy_addr(&self) -> io::Result<SocketAddr> {
        self.proxy_listener.local_addr()
    }

    /// Where metrics and health are served, if they are.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn admin_addr(&self) -> io::Result<Option<SocketAddr>> {
        self.admin_listener.as_ref().map(TcpListener::local_addr).transpose()
    }
}
