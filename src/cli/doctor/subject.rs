//! The configuration under examination.

use crate::clock::Clock;
use crate::config::Config;
use crate::model::audience_set::AudienceSet;
use crate::model::target::Target;
use crate::token::sts::Sts;
use http::uri::PathAndQuery;

/// The configuration under examination, and what the checks try with it.
pub(super) struct Subject<'c> {
    pub(super) config: &'c Config,
    pub(super) sts: &'c Sts,
    pub(super) clock: Clock,
    /// The upstream to try: the pinned one, or `--probe-host`.
    pub(super) target: Option<Target>,
    /// The audiences of the token to try.
    pub(super) audiences: Option<AudienceSet>,
    pub(super) path: &'c PathAndQuery,
}
