//! Where requests go, which rules apply, and what they carry.

use super::upstream::UpstreamConfig;
use crate::model::credential_spec::{CredentialSpec, CredentialTemplate};
use crate::model::policy::Policy;
use crate::model::route_match::{PathPrefix, RouteMatch};
use crate::model::routing_header::RoutingHeader;
use crate::model::target::{Scheme, Target};

/// The name of the listener and of the route that flags make.
pub const DEFAULT: &str = "default";

/// The name of a route or listener, unless it is that of those that flags make.
pub fn label(name: &str) -> Option<&str> {
    (name != DEFAULT).then_some(name)
}

/// Where requests of one kind go, which rules apply, and what they carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConfig {
    /// By which logs and the status name it.
    pub name: String,
    /// Which requests these are.
    pub matches: RouteMatch,
    /// How a request finds its upstream.
    pub routing: Routing,
    /// Which upstreams a caller may name.
    pub policy: Policy,
    /// What requests carry.
    pub credential: CredentialRule,
    /// How upstreams are reached.
    pub upstream: UpstreamConfig,
}

/// What requests carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialRule {
    /// All of them this credential.
    Fixed(CredentialSpec),
    /// Each that of its target, whose audience completes this.
    OfTarget(CredentialTemplate),
}

impl CredentialRule {
    /// All that decides which credential it is, but for its audiences.
    pub fn template(&self) -> CredentialTemplate {
        match self {
            Self::Fixed(spec) => spec.template(),
            Self::OfTarget(template) => template.clone(),
        }
    }
}

impl RouteConfig {
    /// The name, where flags did not make the route. Logs name no other.
    pub fn label(&self) -> Option<&str> {
        label(&self.name)
    }

    /// What is taken off the beginning of paths.
    pub fn stripped_prefix(&self) -> Option<&PathPrefix> {
        self.matches.path_prefix.as_ref().filter(|_| self.matches.strip_prefix)
    }

    /// The rules on upstreams that are enforced. `None` for a pinned upstream, because the operator chose it.
    pub fn enforced_policy(&self) -> Option<&Policy> {
        match self.routing {
            Routing::Pinned(_) => None,
            Routing::ByHeader { .. } => Some(&self.policy),
        }
    }

    /// The credential that is known before any request: the one that is fixed, or the pinned upstream's own.
    pub fn known_credential(&self) -> Option<CredentialSpec> {
        match (&self.credential, &self.routing) {
            (CredentialRule::Fixed(spec), _) => Some(spec.clone()),
            (CredentialRule::OfTarget(template), Routing::Pinned(target)) => Some(template.of(target)),
            (CredentialRule::OfTarget(_), Routing::ByHeader { .. }) => None,
        }
    }
}

/// How a request finds its upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routing {
    /// Every request goes to one upstream (`--upstream-host`).
    Pinned(Target),
    /// Each request names its upstream.
    ByHeader {
        /// The header that names it. `Host` means the request's own authority.
        header: RoutingHeader,
        /// The scheme of every upstream.
        scheme: Scheme,
    },
}

impl Routing {
    /// The scheme of every upstream.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Pinned(target) => target.scheme(),
            Self::ByHeader { scheme, .. } => *scheme,
        }
    }
}
