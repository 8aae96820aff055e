//! What `/status` says of routes.

use crate::config::route::{RouteConfig, Routing, label};
use crate::proxy::route::Route;
use serde::Serialize;
use std::sync::Arc;

/// The maximum number of routes that are listed. Further ones are only counted.
const MAX_LISTED: usize = 100;

/// The routes of a configuration file.
#[derive(Debug, Serialize)]
pub(super) struct RouteList {
    known: usize,
    listed: Vec<RouteStatus>,
}

#[derive(Debug, Serialize)]
struct RouteStatus {
    name: String,
    ready: bool,
    #[serde(flatten)]
    routing: RoutingStatus,
}

/// How requests find their upstream.
#[derive(Debug, Serialize)]
#[serde(tag = "mode", rename_all = "lowercase")]
pub(super) enum RoutingStatus {
    /// All go to one upstream.
    Pinned { upstream: String },
    /// Each names its own.
    Header { header: String, scheme: &'static str, policy: PolicyStatus },
}

/// What callers may name.
#[derive(Debug, Serialize)]
pub(super) struct PolicyStatus {
    any_host: bool,
    allowed_hosts: usize,
    allowed_addresses: usize,
    denied_addresses: usize,
}

impl RouteList {
    /// These; further ones are only counted.
    pub(super) fn of(routes: &[Arc<Route>]) -> Self {
        let listed = routes.iter().take(MAX_LISTED).map(|route| RouteStatus {
            name: route.config().name.clone(),
            ready: route.is_ready(),
            routing: RoutingStatus::of(route.config()),
        });
        Self { known: routes.len(), listed: listed.collect() }
    }

    /// `routing` says all of it then.
    pub(super) fn is_of_flags(&self) -> bool {
        self.listed.iter().all(|route| label(&route.name).is_none())
    }
}

impl RoutingStatus {
    /// That of this route.
    pub(super) fn of(route: &RouteConfig) -> Self {
        let policy = &route.policy;
        match &route.routing {
            Routing::Pinned(target) => Self::Pinned { upstream: target.to_string() },
            Routing::ByHeader { header, scheme } => Self::Header {
                header: header.to_string(),
                scheme: scheme.as_str(),
                policy: PolicyStatus {
                    any_host: policy.allows_any_host(),
                    allowed_hosts: policy.allow_hosts.len(),
                    allowed_addresses: policy.allow_addresses.len(),
                    denied_addresses: policy.deny_addresses.len(),
                },
            },
        }
    }
}
