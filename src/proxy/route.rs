//! How a request finds its upstream, and which rules apply to it; made once from the configuration.

use super::destination::Destination;
use super::error::ProxyError;
use super::target_cache::TargetCache;
use crate::config::route::{RouteConfig, Routing};
use crate::config::upstream::ForwardedFor;
use crate::model::policy::Policy;
use crate::model::routing_header::RoutingHeader;
use crate::model::target::{Scheme, Target};
use http::header::HOST;
use http::{HeaderName, Request, Version};

/// The rules of all requests: where they go, which upstreams they may name, and what the upstream is told of the caller.
pub struct Route {
    upstreams: Upstreams,
    policy: Option<Policy>,
    /// `--forwarded-for`.
    pub forwarded_for: ForwardedFor,
}

enum Upstreams {
    Pinned(Destination),
    Named { header: RoutingHeader, scheme: Scheme, known: TargetCache },
}

impl Route {
    /// The route that the configuration describes.
    pub fn new(config: &RouteConfig) -> Self {
        let upstreams = match config.routing.clone() {
            Routing::Pinned(target) => Upstreams::Pinned(Destination::new(target)),
            Routing::ByHeader { header, scheme } => {
                Upstreams::Named { header, scheme, known: TargetCache::default() }
            }
        };
        let policy = config.enforced_policy().cloned();
        Self { upstreams, policy, forwarded_for: config.upstream.forwarded_for }
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
        let Some(policy) = &self.policy else { return Ok(()) };
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
    // HTTP/2 has `:authority` for `Host` (RFC 9113, section 8.3.1).
    if header == HOST
        && let Some(authority) = request.uri().authority()
    {
        return Ok(Some(authority.as_str()));
    }
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
