//! Targets that callers have named before, so that a name is read, and what follows from it made, once and not with every
//! request.

use super::target::{HostError, HostPort, Scheme, Target};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The most names that are remembered, as callers choose them.
const MOST: usize = 2048;

/// Names and the targets that they stand for, all of one scheme.
#[derive(Default)]
pub struct TargetCache(Mutex<HashMap<Box<str>, Target>>);

impl TargetCache {
    /// The target that this name stands for.
    ///
    /// # Errors
    /// When it is no name. Those are not remembered.
    pub fn target(&self, scheme: Scheme, name: &str) -> Result<Target, HostError> {
        // A panic elsewhere cannot have left it half changed.
        let mut targets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = targets.get(name).filter(|target| target.scheme() == scheme) {
            return Ok(target.clone());
        }
        let target = Target::new(scheme, name.parse::<HostPort>()?);
        if targets.len() >= MOST {
            // With so many none is likelier to come again, and those in use come back at once.
            targets.clear();
        }
        targets.insert(name.into(), target.clone());
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered(targets: &TargetCache) -> usize {
        targets.0.lock().unwrap().len()
    }

    #[test]
    fn a_name_is_read_once_and_stands_for_the_same_however_often() {
        let targets = TargetCache::default();
        let first = targets.target(Scheme::Https, "API.example.com:443").unwrap();
        let again = targets.target(Scheme::Https, "API.example.com:443").unwrap();
        assert_eq!((first.to_string(), &first), ("https://api.example.com".to_owned(), &again));
        assert!(std::ptr::eq(first.labels(), again.labels()), "it was read twice");
        let other = targets.target(Scheme::Http, "API.example.com:443").unwrap();
        assert_eq!(other.to_string(), "http://api.example.com:443");
    }

    #[test]
    fn what_is_no_name_is_refused_every_time() {
        let targets = TargetCache::default();
        for _ in 0..2 {
            assert_eq!(targets.target(Scheme::Https, "a b"), Err(HostError::Malformed));
        }
        assert_eq!(remembered(&targets), 0);
    }

    #[test]
    fn callers_who_name_many_targets_do_not_fill_memory() {
        let targets = TargetCache::default();
        for number in 0..5 * MOST {
            let name = format!("h{number}.example");
            assert_eq!(targets.target(Scheme::Https, &name).unwrap().to_string(), format!("https://{name}"));
            assert!(remembered(&targets) <= MOST);
        }
    }
}
