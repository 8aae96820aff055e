//! The configuration under examination.

use crate::clock::Clock;
use crate::config::Config;
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

impl Subject<'_> {
    /// The audiences of the token to try.
    pub(super) fn audiences(&self) -> Option<&AudienceSet> {
        self.spec.as_ref().map(CredentialSpec::audiences)
    }
}
