//! The routes in use, and which of them a request has. The table is made whole and never changes: a reload puts another in its
//! place, and a request goes on with the route that it has.

use super::destinations;
use super::error::ProxyError;
use super::route::Route;
use crate::http1::target::path_and_query;
use crate::model::route_index::RouteIndex;
use crate::model::target::{Host, HostPort};
use http::Request;
use std::mem;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// The routes of one moment.
#[derive(Default)]
pub struct RouteTable {
    routes: Vec<Arc<Route>>,
    index: RouteIndex<Arc<Route>>,
}

impl RouteTable {
    /// A table of these routes.
    pub fn new(routes: Vec<Arc<Route>>) -> Self {
        let mut index = RouteIndex::default();
        for route in &routes {
            index.insert(&route.config().matches, route.clone());
        }
        Self { routes, index }
    }

    fn select<B>(&self, listener: &str, request: &Request<B>) -> Option<&Arc<Route>> {
        // With one route for all there is nothing to read and to allocate.
        let host = if self.index.hosts_matter() { host(request) } else { None };
        self.index.find(listener, host.as_ref(), path_and_query(request))
    }
}

/// The host that a request names. What is no host has only the routes that ask for none.
fn host<B>(request: &Request<B>) -> Option<Host> {
    let name = destinations::own_authority(request).ok()??;
    name.parse::<HostPort>().ok().map(|name| name.host)
}

/// The table in use. Cloning is cheap and gives the same.
#[derive(Clone, Default)]
pub struct Routes(Arc<RwLock<RouteTable>>);

impl Routes {
    /// The route of a request that came in at this listener.
    ///
    /// # Errors
    /// When there is none.
    pub fn select<B>(&self, listener: &str, request: &Request<B>) -> Result<Arc<Route>, ProxyError> {
        self.table().select(listener, request).cloned().ok_or(ProxyError::NoRoute)
    }

    /// Puts these routes in the place of those before.
    pub fn replace(&self, routes: Vec<Arc<Route>>) {
        let table = RouteTable::new(routes);
        let before = mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), table);
        // Not before the lock is free, as the end of a table of a thousand routes takes its time.
        drop(before);
    }

    /// The routes in use, in the order of the configuration.
    pub fn all(&self) -> Vec<Arc<Route>> {
        self.table().routes.clone()
    }

    /// Whether there is a route whose requests find a credential, or would ask for one of their own.
    pub fn any_is_ready(&self) -> bool {
        self.table().routes.iter().any(|route| route.is_ready())
    }

    fn table(&self) -> RwLockReadGuard<'_, RouteTable> {
        // Every change is a single assignment, so a panic elsewhere cannot have left it half done.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
