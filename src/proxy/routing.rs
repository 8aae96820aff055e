//! A request's target: pinned by the operator, or named by the caller.

use super::error::ProxyError;
use super::target::Target;
use super::target_cache::TargetCache;
use crate::config::Routing;
use http::header::{HOST, InvalidHeaderName};
use http::{HeaderName, Request, Version};
use std::fmt;
use std::str::FromStr;

/// The header in which requests name their upstream. It displays as the operator wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutingHeader {
    name: HeaderName,
    written: Box<str>,
}

impl RoutingHeader {
    /// The name, in lower case.
    pub fn name(&self) -> &HeaderName {
        &self.name
    }
}

impl FromStr for RoutingHeader {
    type Err = InvalidHeaderName;

    fn from_str(text: &str) -> Result<Self, InvalidHeaderName> {
        Ok(Self { name: HeaderName::try_from(text)?, written: text.into() })
    }
}

impl fmt::Display for RoutingHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// The target of this request.
///
/// # Errors
/// In header mode, when the request names no upstream, or not exactly one well-formed one.
pub fn target<B>(
    routing: &Routing,
    targets: &TargetCache,
    request: &Request<B>,
) -> Result<Target, ProxyError> {
    match routing {
        Routing::Pinned(target) => Ok(target.clone()),
        Routing::ByHeader { header, scheme } => {
            let name = name_in_header(request, header.name())?
                .or_else(|| name_in_request_target(request))
                .ok_or_else(|| ProxyError::NoTarget(header.clone()))?;
            targets.target(*scheme, name).map_err(|_| ProxyError::InvalidTarget)
        }
    }
}

/// The header that only tells attache where to go, and is not forwarded.
pub fn routing_header(routing: &Routing) -> Option<&HeaderName> {
    match routing {
        Routing::Pinned(_) => None,
        Routing::ByHeader { header, .. } => Some(header.name()).filter(|name| *name != HOST),
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
