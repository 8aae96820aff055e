//! Readiness is a list of named holds: whatever is not ready holds, and lets go when it is.

use crate::health_socket::READY;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard};

/// What keeps the proxy from being ready. Ready while there are no holds. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Holds>>);

#[derive(Default)]
struct Holds {
    last: u64,
    held: Vec<(u64, Cow<'static, str>)>,
    checks: Vec<(&'static str, Check)>,
}

/// Answers whether something is ready at this moment.
type Check = Box<dyn Fn() -> bool + Send + Sync>;

/// Keeps the proxy from being ready until it is dropped.
#[must_use = "readiness is held only as long as this lives"]
pub struct Hold {
    readiness: Readiness,
    number: u64,
}

impl Readiness {
    /// Ready at once, until a part of the process holds it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a hold under a name that `/readyz` shows. May be called at any time: at start ("first token") or later
    /// ("draining"). Two holds of one name are two holds.
    pub fn hold(&self, name: impl Into<Cow<'static, str>>) -> Hold {
        let mut holds = self.holds();
        holds.last += 1;
        let number = holds.last;
        holds.held.push((number, name.into()));
        Hold { readiness: self.clone(), number }
    }

    /// Adds a hold that lasts whenever `ready` says no, for what can be lost without anybody noticing the moment.
    pub fn require(&self, name: &'static str, ready: impl Fn() -> bool + Send + Sync + 'static) {
        self.holds().checks.push((name, Box::new(ready)));
    }

    /// The names of all holds, those of failing checks first, then oldest first; empty when ready.
    pub fn waiting_for(&self) -> Vec<Cow<'static, str>> {
        let holds = self.holds();
        let failing = holds.checks.iter().filter(|(_, ready)| !ready()).map(|(name, _)| Cow::Borrowed(*name));
        failing.chain(holds.held.iter().map(|(_, name)| name.clone())).collect()
    }

    /// `ready`, or what is waited for.
    pub fn line(&self) -> String {
        let names = self.waiting_for();
        if names.is_empty() { READY.to_owned() } else { format!("waiting for: {}", names.join(", ")) }
    }

    fn holds(&self) -> MutexGuard<'_, Holds> {
        self.0.lock().expect("nothing panics while holding this lock")
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.readiness.holds().held.retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_while_nobody_holds() {
        let readiness = Readiness::new();
        let token = readiness.hold("first token");
        let drain = readiness.hold("draining");
        assert_eq!(readiness.waiting_for(), ["first token", "draining"]);
        drop(token);
        assert_eq!(readiness.waiting_for(), ["draining"]);
        drop(drain);
        assert!(readiness.waiting_for().is_empty());
    }

    #[test]
    fn a_check_holds_whenever_it_fails() {
        let readiness = Readiness::new();
        let lost = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = lost.clone();
        readiness.require("token", move || !seen.load(std::sync::atomic::Ordering::Relaxed));
        assert!(readiness.waiting_for().is_empty());
        lost.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(readiness.waiting_for(), ["token"]);
    }

    #[test]
    fn dropping_one_of_two_holds_of_a_name_leaves_the_other() {
        let readiness = Readiness::new();
        let first = readiness.hold("first token");
        let _second = readiness.hold("first token");
        drop(first);
        assert_eq!(readiness.waiting_for(), ["first token"]);
    }
}
