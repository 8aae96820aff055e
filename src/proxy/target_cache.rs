//! Destinations that callers have named before, so that a name is parsed once and not with every request.

use super::destination::Destination;
use crate::model::target::{HostError, HostPort, Scheme, Target};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The most names that are remembered, as callers choose them.
const MAX_NAMES: usize = 2048;

/// Names and the destinations that they stand for, all of one scheme.
#[derive(Default)]
pub struct TargetCache(Mutex<HashMap<Box<str>, Destination>>);

impl TargetCache {
    /// The destination that this name stands for.
    ///
    /// # Errors
    /// When it is no name. Those are not remembered.
    pub fn destination(&self, scheme: Scheme, name: &str) -> Result<Destination, HostError> {
        // A panic elsewhere cannot have left it half changed.
        let mut targets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = targets.get(name).filter(|known| known.target().scheme() == scheme) {
            return Ok(known.clone());
        }
        let destination = Destination::new(Target::new(scheme, name.parse::<HostPort>()?));
        if targets.len() >= MAX_NAMES {
            // With so many none is likelier to come again, and those in use come back at once.
            targets.clear();
        }
        targets.insert(name.into(), destination.clone());
        Ok(destination)
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
        let destination = |scheme| targets.destination(scheme, "API.example.com:443").unwrap();
        let (first, again) = (destination(Scheme::Https), destination(Scheme::Https));
        assert_eq!(first.target().to_string(), "https://api.example.com");
        assert!(std::ptr::eq(first.target(), again.target()), "it was parsed twice");
        let other = destination(Scheme::Http);
        assert_eq!(other.target().to_string(), "http://api.example.com:443");
    }

    #[test]
    fn what_is_no_name_is_refused_every_time() {
        let targets = TargetCache::default();
        for _ in 0..2 {
            assert_eq!(targets.destination(Scheme::Https, "a b").err(), Some(HostError::Malformed));
        }
        assert_eq!(remembered(&targets), 0);
    }

    #[test]
    fn callers_that_name_many_targets_do_not_fill_memory() {
        let targets = TargetCache::default();
        for number in 0..5 * MAX_NAMES {
            let name = format!("h{number}.example");
            let destination = targets.destination(Scheme::Https, &name).unwrap();
            assert_eq!(destination.target().to_string(), format!("https://{name}"));
            assert!(remembered(&targets) <= MAX_NAMES);
        }
    }
}
