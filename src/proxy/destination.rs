//! A target as requests use it, with what every request to it shares, so that nothing of it is made again with each request.

use crate::model::audience_set::AudienceSet;
use crate::model::target::Target;
use crate::telemetry::labels::ServerLabels;
use http::HeaderValue;
use std::sync::{Arc, OnceLock};

/// A target with its labels, its audiences and its loop mark. Cloning is cheap.
#[derive(Clone)]
pub struct Destination(Arc<Parts>);

struct Parts {
    target: Target,
    labels: ServerLabels,
    audiences: OnceLock<AudienceSet>,
    loop_mark: OnceLock<HeaderValue>,
}

impl Destination {
    /// The destination of requests to this target.
    pub fn new(target: Target) -> Self {
        let labels = ServerLabels::new(target.host(), target.explicit_port());
        Self(Arc::new(Parts { target, labels, audiences: OnceLock::new(), loop_mark: OnceLock::new() }))
    }

    /// Scheme, host and port.
    pub fn target(&self) -> &Target {
        &self.0.target
    }

    /// The labels that metrics of its requests have.
    pub fn labels(&self) -> &ServerLabels {
        &self.0.labels
    }

    /// The audiences of its token, where the operator has set none.
    pub fn audiences(&self) -> &AudienceSet {
        self.0.audiences.get_or_init(|| AudienceSet::of(&self.0.target))
    }

    /// The entry of `CDN-Loop` by which its requests are recognized, made at the first call.
    pub fn loop_mark(&self, make: impl FnOnce() -> HeaderValue) -> &HeaderValue {
        self.0.loop_mark.get_or_init(make)
    }
}
