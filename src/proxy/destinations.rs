//! Finds out where a request goes: to a pinned upstream, or to the one that it names.

use super::destination::Destination;
use super::error::ProxyError;
use super::target_cache::TargetCache;
use crate::config::route::Routing;
use crate::model::routing_header::RoutingHeader;
use crate::model::target::Scheme;
use http::header::HOST;
use http::{HeaderName, Request, Version};

/// Where the requests of a route go.
pub enum Destinations {
    /// All to one upstream.
    Pinned(Destination),
    /// Each to the one that it names.
    Named {
        /// The header that names it.
        header: RoutingHeader,
        /// The scheme of every upstream.
        scheme: Scheme,
        /// Those that requests have named.
        known: TargetCache,
    },
}

impl Destinations {
    /// Those of a rule.
    pub fn new(routing: &Routing) -> Self {
        match routing.clone() {
            Routing::Pinned(target) => Self::Pinned(Destination::new(target)),
            Routing::ByHeader { header, scheme } => {
                Self::Named { header, scheme, known: TargetCache::default() }
            }
        }
    }

    /// The destination of a request.
    ///
    /// # Errors
    /// In header mode, when the request names no upstream, or not exactly one well-formed one.
    pub fn of<B>(&self, request: &Request<B>) -> Result<Destination, ProxyError> {
        match self {
            Self::Pinned(destination) => Ok(destination.clone()),
            Self::Named { header, scheme, known } => {
                let name = name_in_header(request, header.name())?
                    .or_else(|| name_in_request_target(request))
                    .ok_or_else(|| ProxyError::NoTarget(header.clone()))?;
                known.destination(*scheme, name).map_err(|_| ProxyError::InvalidTarget)
            }
        }
    }

    /// The header that only tells attache where to go, and is not forwarded.
    pub fn routing_header(&self) -> Option<&HeaderName> {
        match self {
            Self::Pinned(_) => None,
            Self::Named { header, .. } => Some(header.name()).filter(|name| *name != HOST),
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
