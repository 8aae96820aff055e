//! Where requests of one kind go, and which rules apply to them; made once from the configuration.

use super::destination::Destination;
use super::error::ProxyError;
use super::target_cache::TargetCache;
use super::upstream::Upstream;
use crate::config::route::{RouteConfig, Routing};
use crate::config::upstream::ForwardedFor;
use crate::credential::entry::CacheEntry;
use crate::model::credential_spec::CredentialTemplate;
use crate::model::routing_header::RoutingHeader;
use crate::model::target::{Scheme, Target};
use http::header::HOST;
use http::{HeaderName, Request, Version};
use std::sync::Arc;

/// Where requests of one kind go, which upstreams they may name, how those are reached, and what they carry.
pub struct Route {
    config: RouteConfig,
    label: Option<Arc<str>>,
    upstreams: Upstreams,
    /// The way to the upstreams, with the connections kept.
    pub upstream: Upstream,
    /// The entry of the credential of all requests alike; `None` takes the one of a request's target.
    pub default_credential: Option<Arc<CacheEntry>>,
    /// The spec of a target's own credential, but for its audience.
    pub template: CredentialTemplate,
}

enum Upstreams {
    Pinned(Destination),
    Named { header: RoutingHeader, scheme: Scheme, known: TargetCache },
}

impl Route {
    /// The route that the configuration describes, whose upstreams are reached this way. `default_credential` is the entry of
    /// [`RouteConfig::known_credential`].
    pub fn new(config: RouteConfig, upstream: Upstream, default_credential: Option<Arc<CacheEntry>>) -> Self {
        let upstreams = match config.routing.clone() {
            Routing::Pinned(target) => Upstreams::Pinned(Destination::new(target)),
            Routing::ByHeader { header, scheme } => {
                Upstreams::Named { header, scheme, known: TargetCache::default() }
            }
        };
        let (label, template) = (config.label().map(Arc::from), config.credential.template());
        Self { config, label, upstreams, upstream, default_credential, template }
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
        match &self.upstreams {
            Upstreams::Pinned(destination) => Ok(destination.clone()),
            Upstreams::Named { header, scheme, known } => {
                let name = name_in_header(request, header.name())?
                    .or_else(|| name_in_request_target(request))
                    .ok_or_else(|| ProxyError::NoTarget(header.clone()))?;
                known.destination(*scheme, name).map_err(|_| ProxyError::InvalidTarget)
            }
        }
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
        match &self.upstreams {
            Upstreams::Pinned(_) => None,
            Upstreams::Named { header, .. } => Some(header.name()).filter(|name| *name != HOST),
        }
    }
}

fn name_in_header<'r, B>(
    request: &'r Request<B>,
    header: &HeaderName,
) -> Result<Option<&'r str>, ProxyError> {
    if header == HOST {
        return own_authority(request);
    }
    only_value(request, header)
}

/// The authority that a request is for: that of its target, and else that of `Host`. HTTP/2 has `:authority` for `Host` (RFC 9113,
/// section 8.3.1).
///
/// # Errors
/// When `Host` stands there twice, or is no text.
pub fn own_authority<B>(request: &Request<B>) -> Result<Option<&str>, ProxyError> {
    match request.uri().authority() {
        Some(authority) => Ok(Some(authority.as_str())),
        None => only_value(request, &HOST),
    }
}

fn only_value<'r, B>(request: &'r Request<B>, header: &HeaderName) -> Result<Option<&'r str>, ProxyError> {
    let mut values = request.headers().get_all(header).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) if value.is_empty() => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ProxyError::InvalidTarget),
        (Some(_), Some(_)) => Err(ProxyError::InvalidTarget),
    }
}

/// The authority of an absolute-form request target (RFC 9112, section 3.2.2), which is what a client sends that takes
/// attache for its HTTP proxy. In HTTP/2 every request has an authority, and it names attache itself.
pub fn name_in_request_target<B>(request: &Request<B>) -> Option<&str> {
    match request.version() {
        Version::HTTP_2 => None,
        _ => request.uri().authority().map(|authority| authority.as_str()),
    }
}
