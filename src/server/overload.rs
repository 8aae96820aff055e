//! The limit on connections. One line is logged when callers begin to be refused, and one when that ends.

use super::episode::{self, Episode};
use crate::diagnostics::DiagnosticCode;
use std::num::NonZeroUsize;

/// The limit on connections, and the callers that are being refused.
pub(super) struct Overload {
    most: Option<NonZeroUsize>,
    refusals: Episode,
}

impl Overload {
    /// Limits the number of connections to `most`; `None` means no limit.
    pub(super) fn new(most: Option<NonZeroUsize>) -> Self {
        Self { most, refusals: Episode::default() }
    }

    /// Whether a new caller is refused while `open` connections are open.
    pub(super) fn refuses(&mut self, open: usize) -> bool {
        let Some(most) = self.most.map(NonZeroUsize::get).filter(|most| open >= *most) else { return false };
        if self.refusals.happened() {
            tracing::warn!(
                code = DiagnosticCode::TooManyConnections.code(),
                see = DiagnosticCode::TooManyConnections.see(),
                max_connections = most,
                hint = "raise --max-connections and the limit of open files, or add instances",
                "callers are refused, as too many are connected"
            );
        }
        true
    }

    /// Resolves when no caller has been refused for a while.
    pub(super) async fn over(&self) {
        episode::at(self.refusals.end()).await;
    }

    /// Logs that callers are no longer refused.
    pub(super) fn finish(&mut self) {
        tracing::info!(refused = self.refusals.finish(), "callers are no longer refused");
    }
}
