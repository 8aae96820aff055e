//! Where requests of one kind go, and which rules apply to them; made once from the configuration.

use super::destination::Destination;
use super::destinations::Destinations;
use super::error::ProxyError;
use super::upstream::Upstream;
use crate::config::route::RouteConfig;
use crate::config::upstream::ForwardedFor;
use crate::credential::entry::CacheEntry;
use crate::model::credential_spec::CredentialTemplate;
use crate::model::target::Target;
use http::{HeaderName, Request};
use std::sync::Arc;

/// Where requests of one kind go, which upstreams they may name, how those are reached, and what they carry.
pub struct Route {
    config: RouteConfig,
    label: Option<Arc<str>>,
    destinations: Destinations,
    /// The way to the upstreams, with the connections kept.
    pub upstream: Upstream,
    /// The entry of the credential of all requests alike; `None` takes the one of a request's target.
    pub default_credential: Option<Arc<CacheEntry>>,
    /// The spec of a target's own credential, but for its audience.
    pub template: CredentialTemplate,
}

impl Route {
    /// The route that the configuration describes, whose upstreams are reached this way. `default_credential` is the entry of
    /// [`RouteConfig::known_credential`].
    pub fn new(config: RouteConfig, upstream: Upstream, default_credential: Option<Arc<CacheEntry>>) -> Self {
        let destinations = Destinations::new(&config.routing);
        let (label, template) = (config.label().map(Arc::from), config.credential.template());
        Self { config, label, destinations, upstream, default_credential, template }
    }

    /// What it was made of.
    pub fn config(&self) -> &RouteConfig {
        &self.config
    }

    /// The name by which logs and spans know it, unless flags made it.
    pub fn label(&self) -> Option<&Arc<str>> {
        self.label.as_ref()
    }

    /// `--forwarded-for`.
    pub fn forwarded_for(&self) -> ForwardedFor {
        self.config.upstream.forwarded_for
    }

    /// Whether the credential of all requests is there. Where each target has its own, nothing is waited for.
    pub fn is_ready(&self) -> bool {
        self.default_credential.as_ref().is_none_or(|entry| entry.is_filled())
    }

    /// The destination of a request.
    ///
    /// # Errors
    /// In header mode, when the request names no upstream, or not exactly one well-formed one.
    pub fn destination<B>(&self, request: &Request<B>) -> Result<Destination, ProxyError> {
        self.destinations.of(request)
    }

    /// Whether the policy allows the host. Its addresses are checked where they are dialled.
    ///
    /// # Errors
    /// When the policy does not.
    pub fn check_host(&self, target: &Target) -> Result<(), ProxyError> {
        let Some(policy) = self.config.enforced_policy() else { return Ok(()) };
        policy.check_host(target).map_err(|denied| ProxyError::Denied(target.clone(), denied))
    }

    /// The header that only tells attache where to go, and is not forwarded.
    pub fn routing_header(&self) -> Option<&HeaderName> {
        self.destinations.routing_header()
    }
}
