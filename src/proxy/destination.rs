//! A target as requests use it, with what every request to it shares, so that nothing of it is made again with each request.

use crate::model::credential_spec::CredentialSpec;
use crate::model::target::Target;
use crate::telemetry::labels::ServerLabels;
use http::HeaderValue;
use std::sync::{Arc, OnceLock};

/// A target with its labels, the spec of its own credential and its loop mark. Cloning is cheap.
#[derive(Clone)]
pub struct Destination(Arc<Parts>);

struct Parts {
    target: Target,
    labels: ServerLabels,
    credential_spec: OnceLock<CredentialSpec>,
    loop_mark: OnceLock<HeaderValue>,
}

impl Destination {
    /// The destination of requests to this target.
    pub fn new(target: Target) -> Self {
        let labels = ServerLabels::new(target.host(), target.explicit_port());
        Self(Arc::new(Parts { target, labels, credential_spec: OnceLock::new(), loop_mark: OnceLock::new() }))
    }

    /// Scheme, host and port.
    pub fn target(&self) -> &Target {
        &self.0.target
    }

    /// The labels that metrics of its requests have.
    pub fn labels(&self) -> &ServerLabels {
        &self.0.labels
    }

    /// The spec of its own credential, for where the operator has set none. It is made at the first call.
    pub fn credential_spec(&self, make: impl FnOnce(&Target) -> CredentialSpec) -> &CredentialSpec {
        self.0.credential_spec.get_or_init(|| make(&self.0.target))
    }

    /// The entry of `CDN-Loop` by which its requests are recognized, made at the first call.
    pub fn loop_mark(&self, make: impl FnOnce() -> HeaderValue) -> &HeaderValue {
        self.0.loop_mark.get_or_init(make)
    }
}
