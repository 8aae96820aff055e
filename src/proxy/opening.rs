//! Connections that are being opened. Where one may serve many requests, a single request opens it and the others wait,
//! so that a hundred first requests do not make a hundred connections.

use super::target::Target;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Who opens a connection to which upstream. Cloning is cheap and gives the same.
#[derive(Clone, Default)]
pub struct Openings(Arc<Mutex<HashMap<Target, watch::Receiver<Outcome>>>>);

/// What became of another's opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody can tell yet; or it failed, or was given up.
    None,
    /// There is a connection.
    Opened,
}

/// Whose turn it is to open a connection.
pub enum Turn {
    /// The caller's own.
    Ours(Opening),
    /// Somebody else is at it.
    Theirs(Waiting),
}

/// The turn to open a connection. Dropping it lets those who wait go on.
pub struct Opening {
    openings: Openings,
    target: Target,
    outcome: watch::Sender<Outcome>,
}

/// A wait for somebody else's connection.
pub struct Waiting(watch::Receiver<Outcome>);

impl Openings {
    /// Whose turn it is.
    pub fn turn(&self, target: &Target) -> Turn {
        let mut openings = self.openings();
        if let Some(outcome) = openings.get(target) {
            return Turn::Theirs(Waiting(outcome.clone()));
        }
        let (outcome, waiting) = watch::channel(Outcome::None);
        openings.insert(target.clone(), waiting);
        Turn::Ours(Opening { openings: self.clone(), target: target.clone(), outcome })
    }

    fn openings(&self) -> MutexGuard<'_, HashMap<Target, watch::Receiver<Outcome>>> {
        // A panic elsewhere cannot have left it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opening {
    /// Tells those who wait that there is a connection, once it can be found.
    pub fn succeeded(&self) {
        self.outcome.send_replace(Outcome::Opened);
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.openings.openings().remove(&self.target);
    }
}

impl Waiting {
    /// Resolves when the other is done.
    pub async fn outcome(mut self) -> Outcome {
        // An error says that the other is gone; what it said last counts all the same.
        let _ = self.0.wait_for(|outcome| *outcome == Outcome::Opened).await;
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::target::Scheme;

    fn target() -> Target {
        Target::new(Scheme::Https, "api.example.com".parse().unwrap())
    }

    #[tokio::test]
    async fn whoever_comes_second_waits_and_learns_how_it_went() {
        for expected in [Outcome::Opened, Outcome::None] {
            let openings = Openings::default();
            let (Turn::Ours(first), Turn::Theirs(second)) =
                (openings.turn(&target()), openings.turn(&target()))
            else {
                panic!("the first turn is the caller's, the second is not");
            };
            if expected == Outcome::Opened {
                first.succeeded();
            }
            drop(first);
            assert_eq!(second.outcome().await, expected);
            assert!(matches!(openings.turn(&target()), Turn::Ours(_)));
        }
    }
}
