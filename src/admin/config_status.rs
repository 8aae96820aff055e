//! What `/status` says of the configuration file.

use crate::clock::Rfc3339;
use crate::config::ConfigFilePath;
use crate::config::generation::{Loaded, Rejected};
use serde::Serialize;

/// The configuration file, and which content of it is in use.
#[derive(Debug, Serialize)]
pub(super) struct ConfigStatus {
    file: String,
    generation: u64,
    sha256: Option<String>,
    loaded: Option<Rfc3339>,
    last_rejected: Option<RejectedStatus>,
}

#[derive(Debug, Serialize)]
struct RejectedStatus {
    at: Rfc3339,
    sha256: Option<String>,
    problems: usize,
    first: String,
}

impl ConfigStatus {
    pub(super) fn of(source: &ConfigFilePath) -> Self {
        let known = source.generation.known();
        let generation = known.current.as_ref().map_or(0, |current| current.number);
        let (sha256, loaded) = known.current.map(|Loaded { sha256, at, .. }| (sha256, Rfc3339(at))).unzip();
        Self {
            file: source.path.display().to_string(),
            generation,
            sha256,
            loaded,
            last_rejected: known.last_rejected.map(RejectedStatus::of),
        }
    }
}

impl RejectedStatus {
    fn of(Rejected { sha256, at, problems, first }: Rejected) -> Self {
        Self { at: Rfc3339(at), sha256, problems, first }
    }
}
