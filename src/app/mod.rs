//! Builds a proxy from its configuration and runs it: bind, run, drain.

use self::error::StartError;
use self::telemetry::Telemetry;
use crate::activity::Limits;
use crate::admin;
use crate::admin::health::Readiness;
use crate::admin::status::{Listeners, Sources};
use crate::clock::Clock;
use crate::config::Config;
use crate::config::service_manager::Sockets;
use crate::credential::CredentialSource;
use crate::credential::{cache::CredentialCache, settings::Settings};
use crate::dial::dialer::Dialer;
use crate::proxy::Proxy;
use crate::proxy::authorize::{Authorizer, Credentials};
use crate::proxy::connector::Connector;
use crate::proxy::error_log::ErrorLog;
use crate::proxy::loops::{LoopGuard, OwnListeners};
use crate::proxy::pool::Pool;
use crate::proxy::route::Route;
use crate::proxy::upstream::Upstream;
use crate::server::address::Address;
use crate::server::connection::Drain;
use crate::server::file_limit;
use crate::server::listener::Listener;
use crate::server::refused_certificates::RefusedCertificates;
use crate::server::shared::Server;
use crate::tasks::{Owned, Tasks};
use crate::telemetry::recent::Recent;
use crate::tls::client::UpstreamTls;
use crate::tls::reload::Reload;
use crate::tls::server::{CallerFiles, InboundTls};
use crate::tls::watched;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Why a proxy cannot start.
pub mod error;
/// The listeners for callers and for metrics.
mod listeners;
/// Metrics and spans of a run.
mod telemetry;
/// Logs what a start decides.
mod startup_log;
/// The end of a run.
mod drain;

/// A proxy that has bound its sockets and does not serve yet.
pub struct App {
    config: Config,
    proxy_listener: Listener,
    admin_listener: Option<Listener>,
    server: Arc<Server>,
    upstream_tls: Arc<UpstreamTls>,
    reload: Reload,
    telemetry: Telemetry,
    readiness: Readiness,
    clock: Clock,
    recent: Recent,
}

impl App {
    /// Binds the listeners and builds the proxy. Credentials come from `source`; the status page shows the log entries of
    /// `recent`.
    ///
    /// # Errors
    /// When an address cannot be bound, or a certificate cannot be used.
    pub async fn bind(
        config: Config,
        source: Arc<dyn CredentialSource>,
        clock: Clock,
        recent: Recent,
    ) -> Result<Self, StartError> {
        Self::bind_besides(Sockets::default(), config, source, clock, recent).await
    }

    /// Builds the proxy as [`App::bind`] does, but uses the sockets of a service manager instead of addresses where it
    /// has made some.
    ///
    /// # Errors
    /// Those of [`App::bind`], and when a socket cannot be used.
    pub async fn bind_besides(
        sockets: Sockets,
        config: Config,
        source: Arc<dyn CredentialSource>,
        clock: Clock,
        recent: Recent,
    ) -> Result<Self, StartError> {
        let proxy_listener = listeners::proxy(sockets.proxy, &config).await?;
        let admin_listener = listeners::admin(sockets.metrics, &config).await?;
        let telemetry = Telemetry::start(&config, clock)?;
        let cache = CredentialCache::new(
            source,
            Settings {
                clock,
                fetch_timeout: config.tokens.fetch_timeout,
                capacity: config.tokens.cache_capacity,
                metrics: telemetry.metrics.clone(),
            },
        );
        let readiness = Readiness::new();
        let known = config.route().known_credential();
        cache.set_pinned(&known.iter().cloned().collect());
        let default_credential = known.map(|spec| cache.get_or_insert(&spec));
        if let Some(entry) = default_credential.clone() {
            readiness.require("token", move || entry.is_filled());
        }
        let upstream_tls =
            UpstreamTls::load(config.route().routing.scheme(), config.route().upstream.tls.clone())?;
        let upstream_tls = Arc::new(upstream_tls);
        let credentials =
            Credentials { cache, default_credential, template: config.route().credential.template() };
        let listeners = [Some(&proxy_listener), admin_listener.as_ref()].into_iter().flatten();
        let own = OwnListeners::new(listeners.flat_map(|listener| listener.address().tcp().to_vec()));
        let dialer = Dialer::at_most(file_limit::max_upstream_connections(config.inbound.max_connections));
        let connector = Connector::configured(config.route(), own, upstream_tls.clone(), Tasks::default());
        let connector = Connector { dialer, ..connector };
        let on_loopback = proxy_listener.address().is_loopback();
        let server = Arc::new(server(&config, &telemetry, credentials, connector, on_loopback)?);
        startup_log::write(&config, proxy_listener.address(), admin_listener.as_ref().map(Listener::address));
        let reload = Reload::default();
        Ok(Self {
            config,
            proxy_listener,
            admin_listener,
            server,
            upstream_tls,
            reload,
            telemetry,
            readiness,
            clock,
            recent,
        })
    }

    /// The address of the listener for callers.
    ///
    /// # Errors
    /// When the listener is a Unix socket.
    pub fn proxy_addr(&self) -> io::Result<SocketAddr> {
        listeners::tcp_address(&self.proxy_listener)
    }

    /// The address of the listener for metrics and health, if there is one.
    ///
    /// # Errors
    /// When the listener is a Unix socket.
    pub fn admin_addr(&self) -> io::Result<Option<SocketAddr>> {
        self.admin_listener.as_ref().map(listeners::tcp_address).transpose()
    }

    /// The readiness of the proxy.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// The handle that makes the proxy look for changed TLS files.
    pub fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// Serves until `shutdown` resolves, then drains: not ready at once, no new connections after `--shutdown-delay`,
    /// and at most `--shutdown-timeout` for the requests in flight.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let admin_listener = self.admin_listener.as_ref().zip(self.config.metrics.as_ref());
        let router = admin_listener
            .map(|(listener, config)| admin::router(&config.path, self.sources(listener.address())));
        let stop = Drain::default();
        let accepting = Tasks::default();
        let (server, listener, drain) = (self.server.clone(), Arc::new(self.proxy_listener), stop.clone());
        accepting.supervise(move || server.clone().run(listener.clone(), drain.clone()));
        let (tls, reload) = (self.upstream_tls, self.reload.clone());
        let upstream_files = move || tls.clone().follow(watched::INTERVAL, reload.clone());
        let _following_upstream_files = Owned::from(Tasks::default().supervise(upstream_files));
        let _following = self.server.tls.clone().map(|tls| {
            let following = move || tls.clone().follow(watched::INTERVAL, self.reload.clone());
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
        drain::connections(&self.config.shutdown, &stop, &accepting, &self.server.connections).await;
        self.telemetry.finish().await;
        admin_stop.cancel();
        admin_tasks.finished().await;
        tracing::info!("stopped");
    }

    /// The sources of the status page.
    fn sources(&self, admin: &Address) -> Sources {
        let tls = self.config.listener().tls.as_ref();
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
            metrics: self.telemetry.metrics.clone(),
            connections: self.server.connections.clone(),
            tokens: self.server.proxy.authorizer.credentials.cache.clone(),
            pool: self.server.proxy.upstream.pool().clone(),
            recent: self.recent.clone(),
        }
    }
}

fn server(
    config: &Config,
    telemetry: &Telemetry,
    credentials: Credentials,
    connector: Connector,
    on_loopback: bool,
) -> Result<Server, StartError> {
    let upstream_connections = connector.tasks.clone();
    let pool = Pool::new(config.route().upstream.idle_timeout, &upstream_connections);
    let error_log = ErrorLog::new(&upstream_connections);
    let upstream = Upstream::new(connector, pool, config.route().upstream.timeout, error_log.clone());
    let upstream = Arc::new(upstream);
    let proxy = Proxy {
        on_loopback,
        authorizer: Authorizer {
            route: Route::new(config.route()),
            loops: LoopGuard::default(),
            credentials,
            upstream: upstream.clone(),
        },
        upstream,
        metrics: telemetry.metrics.clone(),
        traces: telemetry.traces.clone(),
        error_log,
    };
    Ok(Server {
        proxy: Arc::new(proxy),
        tls: config
            .listener()
            .tls
            .clone()
            .map(|files| InboundTls::new(CallerFiles(files)))
            .transpose()?
            .map(Arc::new),
        limits: Limits {
            header_read_timeout: config.inbound.header_read_timeout,
            idle_timeout: config.inbound.idle_timeout,
        },
        max_connections: config.inbound.max_connections.or_else(file_limit::max_connections),
        connections: Tasks::default(),
        refused_certificates: RefusedCertificates::default(),
    })
}
