//! Builds a proxy from its configuration and runs it: bind, run, drain.

use self::active_listener::ListenerFactory;
use self::config_follower::ConfigFollower;
use self::error::StartError;
use self::live::Live;
use self::routes::RouteFactory;
use self::telemetry::Telemetry;
use crate::activity::Limits;
use crate::admin;
use crate::admin::health::Readiness;
use crate::admin::status::{Listeners, Sources};
use crate::clock::Clock;
use crate::config::Config;
use crate::config::listener::ListenerConfig;
use crate::config::service_manager::Sockets;
use crate::credential::CredentialSource;
use crate::credential::{cache::CredentialCache, settings::Settings};
use crate::dial::dialer::Dialer;
use crate::dial::resolver::Resolver;
use crate::proxy::Proxy;
use crate::proxy::authorize::Authorizer;
use crate::proxy::error_log::ErrorLog;
use crate::proxy::loops::{LoopGuard, OwnListeners};
use crate::proxy::pools::Pools;
use crate::proxy::route_table::Routes;
use crate::server::address::Address;
use crate::server::connection::Drain;
use crate::server::file_limit;
use crate::server::listener::Listener;
use crate::tasks::{BlockingWork, Owned, Tasks};
use crate::telemetry::recent::Recent;
use crate::tls::reload::Reload;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Why a proxy cannot start.
pub mod error;
/// Why listeners or routes cannot be taken into use.
pub mod load_error;
/// The listeners and routes in use.
pub mod live;
/// Follows the configuration file.
mod config_follower;
/// Listeners for callers.
mod active_listener;
/// Where requests go.
mod routes;
/// The listener for metrics, and addresses.
mod listeners;
/// Metrics and spans of a run.
mod telemetry;
/// Where credentials come from.
pub mod source;
/// Logs what a start decides.
mod startup_log;
/// The end of a run.
mod drain;

/// A proxy that has bound its sockets and does not serve yet.
pub struct App {
    config: Config,
    listeners: Vec<(ListenerConfig, Address)>,
    admin_listener: Option<Listener>,
    live: Live,
    proxy: Arc<Proxy>,
    pools: Pools,
    connections: Tasks,
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
        let proxy_listener = sockets.proxy.map(Listener::adopt).transpose();
        let proxy_listener = proxy_listener.map_err(StartError::InheritedSocket)?;
        let admin_listener = listeners::admin(sockets.metrics, &config).await?;
        let telemetry = Telemetry::start(&config, clock)?;
        let source = source::exchanging(source, &config, clock, &telemetry.metrics);
        let credentials = CredentialCache::new(
            source,
            Settings {
                clock,
                fetch_timeout: config.tokens.fetch_timeout,
                capacity: config.tokens.cache_capacity,
                metrics: telemetry.metrics.clone(),
            },
        );
        let reload = Reload::default();
        let factory = routes(&config, credentials, &reload);
        // The first fetches run while files are read.
        factory.pin(&config.routes);
        let proxy = proxy(&factory, &telemetry);
        let readiness = Readiness::new();
        let routes = proxy.routes.clone();
        readiness.require("token", move || routes.any_is_ready());
        let (pools, connections) = (factory.pools.clone(), Tasks::default());
        let listener_factory = listener_factory(&config, proxy.clone(), &connections, &reload);
        let admin = admin_listener.as_ref().map_or(&[][..], |listener| listener.address().tcp());
        let live = Live::new(factory, listener_factory, admin.to_vec());
        live.apply_with(proxy_listener, config.routes.clone(), config.listeners.clone()).await?;
        let listeners = live.listeners().await;
        startup_log::write(&config, &listeners, admin_listener.as_ref().map(Listener::address));
        Ok(Self {
            config,
            listeners,
            admin_listener,
            live,
            proxy,
            pools,
            connections,
            reload,
            telemetry,
            readiness,
            clock,
            recent,
        })
    }

    /// The address of the first listener for callers.
    ///
    /// # Errors
    /// When the listener is a Unix socket.
    pub fn proxy_addr(&self) -> io::Result<SocketAddr> {
        listeners::tcp_address(self.proxy_address())
    }

    fn proxy_address(&self) -> &Address {
        &self.listeners.first().expect("a configuration has a listener").1
    }

    /// The listeners and routes in use, for others to take their place.
    pub fn live(&self) -> Live {
        self.live.clone()
    }

    /// The address of the listener for metrics and health, if there is one.
    ///
    /// # Errors
    /// When the listener is a Unix socket.
    pub fn admin_addr(&self) -> io::Result<Option<SocketAddr>> {
        let address = self.admin_listener.as_ref().map(Listener::address);
        address.map(listeners::tcp_address).transpose()
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
        self.live.open().await;
        let _following = self.follow_config_file();
        let admin_stop = CancellationToken::new();
        let admin_tasks = Tasks::default();
        if let (Some(listener), Some(router)) = (self.admin_listener, router) {
            let (listener, stop, limits) = (Arc::new(listener), admin_stop.clone(), limits(&self.config));
            admin_tasks.supervise(move || {
                let listener = listener.clone();
                let accept = async move || listener.accept().await.0;
                admin::server::serve(accept, router.clone(), limits, stop.clone().cancelled_owned())
            });
        }

        shutdown.await;
        let _draining = self.readiness.hold("draining");
        drain::connections(&self.config.shutdown, &self.live, &self.connections).await;
        self.telemetry.finish().await;
        admin_stop.cancel();
        admin_tasks.finished().await;
        tracing::info!("stopped");
    }

    /// Starts to follow the configuration file, where there is one.
    fn follow_config_file(&self) -> Option<Owned> {
        let follower = Arc::new(ConfigFollower {
            file: self.config.file.clone()?,
            metrics: self.config.metrics.as_ref().map(|metrics| metrics.listen.clone()),
            live: self.live.clone(),
            clock: self.clock,
        });
        let reload = self.reload.clone();
        let following = Tasks::default().supervise(move || follower.clone().follow(reload.clone()));
        Some(Owned::from(following))
    }

    /// The sources of the status page.
    fn sources(&self, admin: &Address) -> Sources {
        let tls = self.config.listener().tls.as_ref();
        Sources {
            clock: self.clock,
            started: self.clock.now(),
            config: self.config.clone(),
            listeners: Listeners {
                callers: self.proxy_address().to_string(),
                metrics: admin.to_string(),
                tls: tls.is_some(),
                client_certificates: tls.is_some_and(|files| files.client_ca.is_some()),
            },
            readiness: self.readiness.clone(),
            metrics: self.telemetry.metrics.clone(),
            connections: self.connections.clone(),
            tokens: self.proxy.authorizer.credentials.clone(),
            routes: self.proxy.routes.clone(),
            pools: self.pools.clone(),
            recent: self.recent.clone(),
        }
    }
}

fn routes(config: &Config, credentials: CredentialCache, reload: &Reload) -> RouteFactory {
    let tasks = Tasks::default();
    RouteFactory {
        credentials,
        own: OwnListeners::default(),
        dialer: Dialer::at_most(file_limit::max_upstream_connections(config.inbound.max_connections)),
        resolver: Resolver::default(),
        pools: Pools::new(&tasks),
        error_log: ErrorLog::new(&tasks),
        tasks,
        reload: reload.clone(),
        blocking: BlockingWork::at_most(1),
    }
}

fn proxy(factory: &RouteFactory, telemetry: &Telemetry) -> Arc<Proxy> {
    Arc::new(Proxy {
        routes: Routes::default(),
        authorizer: Authorizer { loops: LoopGuard::default(), credentials: factory.credentials.clone() },
        metrics: telemetry.metrics.clone(),
        traces: telemetry.traces.clone(),
        error_log: factory.error_log.clone(),
    })
}

fn listener_factory(
    config: &Config,
    proxy: Arc<Proxy>,
    connections: &Tasks,
    reload: &Reload,
) -> ListenerFactory {
    ListenerFactory {
        proxy,
        limits: limits(config),
        max_connections: config.inbound.max_connections.or_else(file_limit::max_connections),
        connections: connections.clone(),
        accepting: Tasks::default(),
        drain: Drain::default(),
        reload: reload.clone(),
        blocking: BlockingWork::at_most(1),
    }
}

fn limits(config: &Config) -> Limits {
    Limits {
        header_read_timeout: config.inbound.header_read_timeout,
        idle_timeout: config.inbound.idle_timeout,
    }
}
