//! Connections that are being opened. Where one may serve many requests, a single request opens it and the others wait,
//! so that a hundred first requests do not make a hundred connections.

use super::target::Target;
use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The most connections to one upstream that are opened at a time by requests that would rather share one.
const MAX_AT_A_TIME: u32 = 64;

/// The connections that are being opened, by upstream. Cloning is cheap and gives the same.
#[derive(Clone, Default)]
pub struct Openings(Arc<Mutex<HashMap<Target, Group>>>);

/// The connections that are being opened to one upstream.
#[derive(Default)]
struct Group {
    running: u32,
    next: watch::Sender<Outcome>,
}

/// What became of another's opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It is not known yet, or the opening failed or was given up.
    #[default]
    None,
    /// There is a connection.
    Opened,
}

/// Whose turn it is to open a connection.
pub enum Turn {
    /// The caller's own.
    Ours(Opening),
    /// Other requests open enough.
    Theirs(Waiting),
}

/// The turn to open a connection. Dropping it lets the requests that wait go on.
pub struct Opening {
    openings: Openings,
    target: Target,
    outcome: Outcome,
}

/// A wait for another request's connection.
pub struct Waiting(watch::Receiver<Outcome>);

impl Openings {
    /// Whose turn it is, for a request that has waited for so many connections on which there was no room for it. With each
    /// the number that may be opened at a time doubles: an upstream that takes few requests on a connection is not reached
    /// one connection after the other.
    pub fn turn(&self, target: &Target, waited: u32) -> Turn {
        let mut openings = self.openings();
        let group = openings.entry(target.clone()).or_default();
        let most = 1_u32.checked_shl(waited).unwrap_or(MAX_AT_A_TIME).min(MAX_AT_A_TIME);
        if group.running >= most {
            return Turn::Theirs(Waiting(group.next.subscribe()));
        }
        group.running += 1;
        Turn::Ours(Opening { openings: self.clone(), target: target.clone(), outcome: Outcome::None })
    }

    fn openings(&self) -> MutexGuard<'_, HashMap<Target, Group>> {
        // A panic elsewhere cannot have left it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opening {
    /// Tells the requests that wait that there is a connection, which they can find by now.
    pub fn succeeded(mut self) {
        self.outcome = Outcome::Opened;
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut openings = self.openings.openings();
        let Some(group) = openings.get_mut(&self.target) else { return };
        group.running -= 1;
        // Dropping the sender is news, too.
        mem::take(&mut group.next).send_replace(self.outcome);
        if group.running == 0 {
            openings.remove(&self.target);
        }
    }
}

impl Waiting {
    /// Resolves when another request's opening has come to its end.
    pub async fn outcome(mut self) -> Outcome {
        // An error says that the sender is gone; what it said last counts all the same.
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
                (openings.turn(&target(), 0), openings.turn(&target(), 0))
            else {
                panic!("the first turn is the caller's, the second is not");
            };
            match expected {
                Outcome::Opened => first.succeeded(),
                Outcome::None => drop(first),
            }
            assert_eq!(second.outcome().await, expected);
            assert!(matches!(openings.turn(&target(), 0), Turn::Ours(_)));
        }
    }

    #[test]
    fn requests_that_found_no_room_open_ever_more_at_a_time() {
        let openings = Openings::default();
        for waited in [0, 1, 2, 6, 7, 1000] {
            let turns: Vec<Turn> = (0..100).map(|_| openings.turn(&target(), waited)).collect();
            let ours = turns.iter().filter(|turn| matches!(turn, Turn::Ours(_))).count();
            assert_eq!(ours, 1 << waited.min(6), "{waited}");
        }
    }
}
