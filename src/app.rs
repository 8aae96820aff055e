//! Wires everything: bind, run, drain.

use crate::admin;
use crate::admin::health::Readiness;
use crate::admin::status::{Listeners, Sources};
use crate::announce;
use crate::clock::Clock;
use crate::config::service_manager::{HandedOver, Sockets};
use crate::config::{Config, ListenAddr};
use crate::diagnostics::DiagnosticCode;
use crate::observation::{Observation, ObservationError};
use crate::proxy::complaints::Complaints;
use crate::proxy::connector::Connector;
use crate::proxy::dialer::Dialer;
use crate::proxy::loops::{LoopGuard, OwnListeners};
use crate::proxy::named::Named;
use crate::proxy::pool::Pool;
use crate::proxy::trust::{TrustError, UpstreamTls};
use crate::proxy::upstream::Upstream;
use crate::proxy::{Proxy, Tokens, audience};
use crate::reload::{self, Reload};
use crate::server::Server;
use crate::server::activity::Limits;
use crate::server::connection::Drain;
use crate::server::file_limit;
use crate::server::listener::{Address, BindError, Listener};
use crate::server::reload::InboundTls;
use crate::server::tls::TlsError;
use crate::tasks::{Owned, Tasks};
use crate::telemetry::recent::Recent;
use crate::token::TokenSource;
use crate::token::cache::{Settings, TokenCache};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// A proxy that owns its sockets and knows its addresses, but does not serve yet.
pub struct App {
    config: Config,
    proxy_listener: Listener,
    admin_listener: Option<Listener>,
    server: Arc<Server>,
    upstream_tls: Arc<UpstreamTls>,
    reload: Reload,
    observation: Observation,
    readiness: Readiness,
    clock: Clock,
    recent: Recent,
}

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
    /// The run cannot be observed as it should be.
    #[error(transparent)]
    Observation(#[from] ObservationError),
}

impl App {
    /// Binds the listeners and puts the parts together. Tokens come from `source`, and what the status page shows of the
    /// log from `recent`.
    ///
    /// # Errors
    /// When an address is taken, or a certificate cannot be used.
    pub async fn bind(
        config: Config,
        source: Arc<dyn TokenSource>,
        clock: Clock,
        recent: Recent,
    ) -> Result<Self, StartError> {
        Self::bind_besides(Sockets::default(), config, source, clock, recent).await
    }

    /// The same, except that sockets which a service manager has made are used in place of addresses.
    ///
    /// # Errors
    /// Those of [`App::bind`], and when such a socket cannot be used.
    pub async fn bind_besides(
        sockets: Sockets,
        config: Config,
        source: Arc<dyn TokenSource>,
        clock: Clock,
        recent: Recent,
    ) -> Result<Self, StartError> {
        let proxy_listener = proxy_listener(sockets.proxy, &config).await?;
        let admin_listener = admin_listener(sockets.metrics, &config).await?;
        let observation = Observation::begin(&config, clock)?;
        let cache = TokenCache::new(
            source,
            Settings {
                clock,
                fetch_timeout: config.tokens.fetch_timeout,
                refresh_skew: config.tokens.refresh_skew,
                capacity: config.tokens.cache_capacity,
                metrics: observation.metrics.clone(),
            },
        );
        let readiness = Readiness::new();
        let same = audience::known(&config).map(|audiences| cache.keep(&audiences));
        if let Some(shelf) = same.clone() {
            readiness.require("token", move || shelf.is_filled());
        }
        let upstream_tls = UpstreamTls::load(config.routing.scheme(), config.upstream.tls.clone())?;
        let upstream_tls = Arc::new(upstream_tls);
        let tokens = Tokens { cache, same };
        let listeners = [Some(&proxy_listener), admin_listener.as_ref()].into_iter().flatten();
        let own = OwnListeners::new(listeners.flat_map(|listener| listener.address().tcp().to_vec()));
        let dialer = Dialer::at_most(file_limit::max_upstream_connections(config.inbound.max_connections));
        let connector = Connector::configured(&config, own, upstream_tls.clone(), Tasks::default());
        let connector = Connector { dialer, ..connector };
        let on_loopback = proxy_listener.address().is_loopback();
        let server = Arc::new(server(&config, &observation, tokens, connector, on_loopback)?);
        announce::started(&config, proxy_listener.address(), admin_listener.as_ref().map(Listener::address));
        let reload = Reload::default();
        Ok(Self {
            config,
            proxy_listener,
            admin_listener,
            server,
            upstream_tls,
            reload,
            observation,
            readiness,
            clock,
            recent,
        })
    }

    /// Where callers connect.
    ///
    /// # Errors
    /// When that is no TCP port.
    pub fn proxy_addr(&self) -> io::Result<SocketAddr> {
        tcp_address(&self.proxy_listener)
    }

    /// Where metrics and health are served, if they are.
    ///
    /// # Errors
    /// When that is no TCP port.
    pub fn admin_addr(&self) -> io::Result<Option<SocketAddr>> {
        self.admin_listener.as_ref().map(tcp_address).transpose()
    }

    /// What keeps the proxy from being ready.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Has files looked at that may have changed.
    pub fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// Serves until `shutdown` resolves, then drains: not ready at once, no new connections after `--shutdown-delay`,
    /// and the requests in flight get `--shutdown-timeout` to end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let admin_listener = self.admin_listener.as_ref().zip(self.config.metrics.as_ref());
        let router = admin_listener
            .map(|(listener, config)| admin::router(&config.path, self.sources(listener.address())));
        let drain = Drain::default();
        let accepting = Tasks::default();
        let (server, listener, stop) = (self.server.clone(), Arc::new(self.proxy_listener), drain.clone());
        accepting.supervise(move || server.clone().run(listener.clone(), stop.clone()));
        let (tls, reload) = (self.upstream_tls, self.reload.clone());
        let upstream_files = move || tls.clone().follow(reload::EVERY, reload.clone());
        let _following_upstream_files = Owned::from(Tasks::default().supervise(upstream_files));
        let _following = self.server.tls.clone().map(|tls| {
            let following = move || tls.clone().follow(reload::EVERY, self.reload.clone());
            Owned::from(Tasks::default().supervise(following))
        });
        let admin_stop = CancellationToken::new();
        let admin_tasks = Tasks::default();
        if let (Some(listener), Some(router)) = (self.admin_listener, router) {
            let (listener, stop, limits) = (Arc::new(listener), admin_stop.clone(), self.server.limits);
            admin_tasks.supervise(move || {
                let listener = listener.clone();
                let accept = async move || listener.accept().await.0;
                admin::server::serve(accept, router.clone(), limits, stop.clone().cancelled_owned())
            });
        }

        shutdown.await;
        let _draining = self.readiness.hold("draining");
        tracing::info!(delay_s = self.config.shutdown.delay.as_secs_f64(), "shutting down");
        sleep(self.config.shutdown.delay).await;
        drain.begin();
        accepting.finished().await;
        let connections = &self.server.connections;
        tracing::info!(connections = connections.running(), "draining");
        if timeout(self.config.shutdown.timeout, connections.finished()).await.is_err() {
            tracing::warn!(
                code = DiagnosticCode::ShutdownCutOff.code(),
                see = DiagnosticCode::ShutdownCutOff.see(),
                connections = connections.running(),
                "cut off by --shutdown-timeout"
            );
        }
        self.observation.finish().await;
        admin_stop.cancel();
        admin_tasks.finished().await;
        tracing::info!("stopped");
    }

    /// What the status page is made of.
    fn sources(&self, admin: &Address) -> Sources {
        let tls = self.config.inbound_tls.as_ref();
        Sources {
            clock: self.clock,
            started: self.clock.now(),
            config: self.config.clone(),
            listeners: Listeners {
                callers: self.proxy_listener.address().to_string(),
                metrics: admin.to_string(),
                tls: tls.is_some(),
                client_certificates: tls.is_some_and(|files| files.client_ca.is_some()),
            },
            readiness: self.readiness.clone(),
            metrics: self.observation.metrics.clone(),
            connections: self.server.connections.clone(),
            tokens: self.server.proxy.tokens.cache.clone(),
            pool: self.server.proxy.upstream.pool().clone(),
            recent: self.recent.clone(),
        }
    }
}

async fn proxy_listener(made: Option<HandedOver>, config: &Config) -> Result<Listener, StartError> {
    match made {
        Some(socket) => Listener::adopt(socket).map_err(StartError::HandedOver),
        None => Listener::bind(&config.listen)
            .await
            .map_err(|error| StartError::Listen(config.listen.clone(), error)),
    }
}

async fn admin_listener(made: Option<HandedOver>, config: &Config) -> Result<Option<Listener>, StartError> {
    match (made, &config.metrics) {
        (None, None) => Ok(None),
        // Whoever connects there would wait for ever.
        (Some(_), None) => Err(StartError::NoMetrics),
        (Some(socket), Some(_)) => Listener::adopt(socket).map(Some).map_err(StartError::HandedOver),
        (None, Some(metrics)) => Listener::bind(&metrics.listen)
            .await
            .map(Some)
            .map_err(|error| StartError::MetricsListen(metrics.listen.clone(), error)),
    }
}

fn tcp_address(listener: &Listener) -> io::Result<SocketAddr> {
    let no_port = || io::Error::new(io::ErrorKind::Unsupported, "it is a Unix socket");
    listener.address().tcp().first().copied().ok_or_else(no_port)
}

fn server(
    config: &Config,
    observation: &Observation,
    tokens: Tokens,
    connector: Connector,
    on_loopback: bool,
) -> Result<Server, StartError> {
    let upstream_connections = connector.tasks.clone();
    let pool = Pool::new(config.upstream.idle_timeout, &upstream_connections);
    let complaints = Complaints::new(&upstream_connections);
    let proxy = Proxy {
        on_loopback,
        routing: config.routing.clone(),
        named: Named::default(),
        policy: config.policy.clone(),
        loops: LoopGuard::default(),
        tokens,
        forwarded_for: config.upstream.forwarded_for,
        upstream: Upstream::new(connector, pool, config.upstream.timeout, complaints.clone()),
        metrics: observation.metrics.clone(),
        traces: observation.traces.clone(),
        complaints,
    };
    Ok(Server {
        proxy: Arc::new(proxy),
        tls: config.inbound_tls.clone().map(InboundTls::load).transpose()?.map(Arc::new),
        limits: Limits {
            header_read_timeout: config.inbound.header_read_timeout,
            idle_timeout: config.inbound.idle_timeout,
        },
        max_connections: config.inbound.max_connections.or_else(file_limit::max_connections),
        connections: Tasks::default(),
    })
}
