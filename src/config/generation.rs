//! Which content of the configuration file is in use, and which was refused after it.

use aws_lc_rs::digest::{SHA256, digest};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The content of the configuration file that is in use. Cloning gives the same.
#[derive(Clone, Debug, Default)]
pub struct Generation(Arc<Mutex<Known>>);

/// What is known of the file's contents.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The content in use. `None` before the first one.
    pub current: Option<Loaded>,
    /// The content that was refused since then.
    pub last_rejected: Option<Rejected>,
}

/// A content that was taken into use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Counts the contents that were taken into use since the start, from 1.
    pub number: u64,
    /// The content's SHA-256 in hexadecimal, as `sha256sum` prints it.
    pub sha256: String,
    /// When it was taken into use.
    pub at: SystemTime,
}

/// A content that was not taken into use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The content's SHA-256 in hexadecimal. `None`: the file could not be read.
    pub sha256: Option<String>,
    /// When it was found.
    pub at: SystemTime,
    /// The number of its problems.
    pub problems: usize,
    /// The first of them.
    pub first: String,
}

impl Generation {
    /// Notes that this content is in use from now on.
    pub fn load(&self, sha256: String, now: SystemTime) {
        let mut known = self.lock();
        let number = known.current.as_ref().map_or(1, |before| before.number + 1);
        *known = Known { current: Some(Loaded { number, sha256, at: now }), last_rejected: None };
    }

    /// Notes that a content is not taken into use.
    pub fn reject(&self, rejected: Rejected) {
        self.lock().last_rejected = Some(rejected);
    }

    /// Notes that the file has again the content that is in use.
    pub fn is_back(&self) {
        self.lock().last_rejected = None;
    }

    /// What is known now.
    pub fn known(&self) -> Known {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Every change is a single assignment, so a panic elsewhere cannot have left it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The SHA-256 of a content in hexadecimal.
pub fn sha256(content: &[u8]) -> String {
    digest(&SHA256, content).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_content_in_use_ends_the_rejection_of_another() {
        let (generation, start) = (Generation::default(), SystemTime::UNIX_EPOCH);
        generation.load("a".to_owned(), start);
        let rejected = Rejected { sha256: None, at: start, problems: 1, first: "it is gone".to_owned() };
        generation.reject(rejected.clone());
        assert_eq!(generation.known().last_rejected, Some(rejected));
        let later = start + Duration::from_secs(9);
        generation.load("b".to_owned(), later);
        let known = generation.known();
        assert_eq!(known.current, Some(Loaded { number: 2, sha256: "b".to_owned(), at: later }));
        assert_eq!(known.last_rejected, None);
    }

    #[test]
    fn a_content_has_the_sum_that_sha256sum_prints() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
