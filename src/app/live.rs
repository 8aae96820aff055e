//! The listeners and routes in use, and how others take their place: whole or not at all.

use super::active_listener::{ActiveListener, ListenerFactory};
use super::load_error::LoadError;
use super::routes::{RouteFactory, Trust};
use super::startup_log;
use crate::config::listener::ListenerConfig;
use crate::config::route::RouteConfig;
use crate::proxy::route_table::Routes;
use crate::server::address::Address;
use crate::server::listener::Listener;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long the end waits for listeners and routes that are about to be taken into use.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// The listeners and routes in use. Cloning is cheap and gives the same.
#[derive(Clone)]
pub struct Live(Arc<Parts>);

struct Parts {
    routes: Routes,
    route_factory: RouteFactory,
    listener_factory: ListenerFactory,
    /// Where metrics and health are served, which is dialled for no caller either.
    admin: Vec<SocketAddr>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    listeners: Vec<Arc<ActiveListener>>,
    trust: Vec<Arc<Trust>>,
    is_open: bool,
    is_over: bool,
}

impl Live {
    pub(super) fn new(
        route_factory: RouteFactory,
        listener_factory: ListenerFactory,
        admin: Vec<SocketAddr>,
    ) -> Self {
        let routes = listener_factory.proxy.routes.clone();
        Self(Arc::new(Parts { routes, route_factory, listener_factory, admin, state: Mutex::default() }))
    }

    /// Takes these routes and listeners into use in place of those before. A route that is configured as before keeps its
    /// connections, and a credential that is still named its state. Requests go on with the route that they have. A listener that
    /// is gone or configured otherwise accepts no more, and its connections finish their requests, however long those take; one at
    /// the same address keeps its socket.
    ///
    /// # Errors
    /// When an address cannot be bound, a TLS file cannot be used, or the proxy ends. Then everything stays as it was.
    pub async fn apply(
        &self,
        routes: Vec<RouteConfig>,
        listeners: Vec<ListenerConfig>,
    ) -> Result<(), LoadError> {
        self.apply_with(None, routes, listeners).await
    }

    /// The same, with a socket for the first listener.
    pub(super) async fn apply_with(
        &self,
        made: Option<Listener>,
        routes: Vec<RouteConfig>,
        listeners: Vec<ListenerConfig>,
    ) -> Result<(), LoadError> {
        let Parts { route_factory, listener_factory, .. } = &*self.0;
        let mut state = self.0.state.lock().await;
        if state.is_over {
            return Err(LoadError::ShuttingDown);
        }
        let trust = route_factory.trust(&state.trust, &routes).await?;
        let now = listener_factory.prepare(&state.listeners, made, listeners).await?;
        // From here on nothing fails.
        let addresses = now.iter().flat_map(|active| active.listener.address().tcp());
        route_factory.own.replace(addresses.chain(&self.0.admin).copied());
        self.0.routes.replace(route_factory.routes(&self.0.routes.all(), &trust, routes));
        let is_in = |listeners: &[Arc<ActiveListener>], active| {
            listeners.iter().any(|other| Arc::ptr_eq(other, active))
        };
        for active in state.listeners.iter().filter(|active| !is_in(&now, active)) {
            active.close().await;
            startup_log::closed(&active.config, active.listener.address());
        }
        for active in now.iter().filter(|active| state.is_open && !is_in(&state.listeners, active)) {
            listener_factory.open(active);
            startup_log::listener(&active.config, active.listener.address());
        }
        (state.listeners, state.trust) = (now, trust);
        Ok(())
    }

    /// Accepts connections from now on.
    pub(super) async fn open(&self) {
        let mut state = self.0.state.lock().await;
        state.is_open = true;
        state.listeners.iter().for_each(|active| self.0.listener_factory.open(active));
    }

    /// The listeners in use, in the order of the configuration, and where they can be reached.
    pub async fn listeners(&self) -> Vec<(ListenerConfig, Address)> {
        let state = self.0.state.lock().await;
        state
            .listeners
            .iter()
            .map(|active| (active.config.clone(), active.listener.address().clone()))
            .collect()
    }

    /// Accepts no more, closes the listeners, and has the connections finish their requests.
    pub(super) async fn close(&self) {
        let ListenerFactory { drain, accepting, .. } = &self.0.listener_factory;
        drain.begin();
        accepting.finished().await;
        // Where others are about to take their place, and a file of theirs cannot be read, the end of the process closes them.
        if let Ok(mut state) = timeout(CLOSE_WITHIN, self.0.state.lock()).await {
            (state.listeners, state.is_over) = (Vec::new(), true);
        }
    }
}
