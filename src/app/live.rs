//! The listeners and routes in use, and how others take their place: whole or not at all.

use super::door::{Door, Doors};
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
    factory: RouteFactory,
    doors: Doors,
    /// Where metrics and health are served, which is dialled for no caller either.
    admin: Vec<SocketAddr>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    doors: Vec<Arc<Door>>,
    trust: Vec<Arc<Trust>>,
    is_open: bool,
    is_over: bool,
}

impl Live {
    pub(super) fn new(factory: RouteFactory, doors: Doors, admin: Vec<SocketAddr>) -> Self {
        let routes = doors.proxy.routes.clone();
        Self(Arc::new(Parts { routes, factory, doors, admin, state: Mutex::default() }))
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
        let Parts { factory, doors, .. } = &*self.0;
        let mut state = self.0.state.lock().await;
        if state.is_over {
            return Err(LoadError::ShuttingDown);
        }
        let trust = factory.trust(&state.trust, &routes).await?;
        let now = doors.prepare(&state.doors, made, listeners).await?;
        // From here on nothing fails.
        let addresses = now.iter().flat_map(|door| door.listener.address().tcp());
        factory.own.replace(addresses.chain(&self.0.admin).copied());
        self.0.routes.replace(factory.routes(&self.0.routes.all(), &trust, routes));
        let is_in = |doors: &[Arc<Door>], door| doors.iter().any(|other| Arc::ptr_eq(other, door));
        for door in state.doors.iter().filter(|door| !is_in(&now, door)) {
            door.close().await;
            startup_log::closed(&door.config, door.listener.address());
        }
        for door in now.iter().filter(|door| state.is_open && !is_in(&state.doors, door)) {
            doors.open(door);
            startup_log::listener(&door.config, door.listener.address());
        }
        (state.doors, state.trust) = (now, trust);
        Ok(())
    }

    /// Accepts connections from now on.
    pub(super) async fn open(&self) {
        let mut state = self.0.state.lock().await;
        state.is_open = true;
        state.doors.iter().for_each(|door| self.0.doors.open(door));
    }

    /// The listeners in use, in the order of the configuration, and where they can be reached.
    pub async fn listeners(&self) -> Vec<(ListenerConfig, Address)> {
        let state = self.0.state.lock().await;
        state.doors.iter().map(|door| (door.config.clone(), door.listener.address().clone())).collect()
    }

    /// Accepts no more, closes the listeners, and has the connections finish their requests.
    pub(super) async fn close(&self) {
        let Doors { drain, accepting, .. } = &self.0.doors;
        drain.begin();
        accepting.finished().await;
        // Where others are about to take their place, and a file of theirs cannot be read, the end of the process closes them.
        if let Ok(mut state) = timeout(CLOSE_WITHIN, self.0.state.lock()).await {
            (state.doors, state.is_over) = (Vec::new(), true);
        }
    }
}
