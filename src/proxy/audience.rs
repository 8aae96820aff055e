//! The audience set of a target: what the operator configured, or what the target's name says.

use super::target::Target;
use crate::config::{Config, Routing};
use crate::token::audience_set::AudienceSet;

/// The audience derived from a target: scheme and host in lower case, without the port.
pub fn derived(target: &Target) -> AudienceSet {
    let audience = format!("{}://{}", target.scheme().as_str(), target.host());
    AudienceSet::new([audience]).expect("a host is at most 253 characters, none of them blank")
}

/// The audience set that is known before any request: the configured one, or the pinned upstream's own.
pub fn known(config: &Config) -> Option<AudienceSet> {
    match (&config.tokens.audiences, &config.routing) {
        (Some(audiences), _) => Some(audiences.clone()),
        (None, Routing::Pinned(target)) => Some(derived(target)),
        (None, Routing::ByHeader { .. }) => None,
    }
}
