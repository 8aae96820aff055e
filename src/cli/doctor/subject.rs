//! The configuration under examination.

use super::args::DoctorArgs;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::route::Routing;
use crate::credential::sts::Sts;
use crate::model::audience_set::AudienceSet;
use crate::model::credential_spec::CredentialSpec;
use crate::model::target::Target;
use http::uri::PathAndQuery;

/// The configuration under examination, and what the checks try with it.
pub(super) struct Subject<'c> {
    pub(super) config: &'c Config,
    pub(super) sts: &'c Sts,
    pub(super) clock: Clock,
    /// The upstream to try: the pinned one, or `--probe-host`.
    pub(super) target: Option<Target>,
    /// The credential to try.
    pub(super) spec: Option<CredentialSpec>,
    pub(super) path: &'c PathAndQuery,
}

impl<'c> Subject<'c> {
    /// The first route of a configuration.
    pub(super) fn new(config: &'c Config, args: &'c DoctorArgs, sts: &'c Sts, clock: Clock) -> Self {
        let route = config.route();
        let target = match &route.routing {
            Routing::Pinned(target) => Some(target.clone()),
            Routing::ByHeader { scheme, .. } => {
                args.probe_host.clone().map(|host| Target::new(*scheme, host))
            }
        };
        let of_target = || target.as_ref().map(|target| route.credential.template().of(target));
        let spec = route.known_credential().or_else(of_target);
        Self { config, sts, clock, target, spec, path: &args.probe_path }
    }

    /// The audiences of the token to try.
    pub(super) fn audiences(&self) -> Option<&AudienceSet> {
        self.spec.as_ref().map(CredentialSpec::audiences)
    }
}
