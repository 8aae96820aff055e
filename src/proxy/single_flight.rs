//! Connections that are being opened. Where one may serve many requests, a single request opens it and the others wait,
//! so that a hundred first requests do not make a hundred connections.

use crate::model::target::Target;
use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The most connections to one upstream that are opened at a time by requests that would rather share one.
const MAX_AT_A_TIME: u32 = 64;

/// The connections that are being opened, by upstream. Cloning is cheap and gives the same.
#[derive(Clone, Default)]
pub struct ConnectSingleFlight(Arc<Mutex<HashMap<Target, Group>>>);

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

/// What a request does that needs a new connection.
pub enum Role {
    /// It opens one.
    Leader(Leader),
    /// Other requests open enough.
    Follower(Follower),
}

/// The turn to open a connection. Dropping it lets the requests that wait go on.
pub struct Leader {
    single_flight: ConnectSingleFlight,
    target: Target,
    outcome: Outcome,
}

/// A wait for another request's connection.
pub struct Follower(watch::Receiver<Outcome>);

impl ConnectSingleFlight {
    /// The role of a request that has waited for so many connections on which there was no room for it. With each
    /// the number that may be opened at a time doubles: an upstream that takes few requests on a connection is not reached
    /// one connection after the other.
    pub fn join(&self, target: &Target, waited: u32) -> Role {
        let mut single_flight = self.single_flight();
        let group = single_flight.entry(target.clone()).or_default();
        let most = 1_u32.checked_shl(waited).unwrap_or(MAX_AT_A_TIME).min(MAX_AT_A_TIME);
        if group.running >= most {
            return Role::Follower(Follower(group.next.subscribe()));
        }
        group.running += 1;
        Role::Leader(Leader { single_flight: self.clone(), target: target.clone(), outcome: Outcome::None })
    }

    fn single_flight(&self) -> MutexGuard<'_, HashMap<Target, Group>> {
        // A panic elsewhere cannot have left it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leader {
    /// Tells the requests that wait that there is a connection, which they can find by now.
    pub fn succeeded(mut self) {
        self.outcome = Outcome::Opened;
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let mut single_flight = self.single_flight.single_flight();
        let Some(group) = single_flight.get_mut(&self.target) else { return };
        group.running -= 1;
        // Dropping the sender is news, too.
        mem::take(&mut group.next).send_replace(self.outcome);
        if group.running == 0 {
            single_flight.remove(&self.target);
        }
    }
}

impl Follower {
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
    use crate::model::target::Scheme;

    fn target() -> Target {
        Target::new(Scheme::Https, "api.example.com".parse().unwrap())
    }

    #[tokio::test]
    async fn whoever_comes_second_waits_and_learns_how_it_went() {
        for expected in [Outcome::Opened, Outcome::None] {
            let single_flight = ConnectSingleFlight::default();
            let (Role::Leader(first), Role::Follower(second)) =
                (single_flight.join(&target(), 0), single_flight.join(&target(), 0))
            else {
                panic!("the first turn is the caller's, the second is not");
            };
            match expected {
                Outcome::Opened => first.succeeded(),
                Outcome::None => drop(first),
            }
            assert_eq!(second.outcome().await, expected);
            assert!(matches!(single_flight.join(&target(), 0), Role::Leader(_)));
        }
    }

    #[test]
    fn requests_that_found_no_room_open_ever_more_at_a_time() {
        let single_flight = ConnectSingleFlight::default();
        for waited in [0, 1, 2, 6, 7, 1000] {
            let turns: Vec<Role> = (0..100).map(|_| single_flight.join(&target(), waited)).collect();
            let ours = turns.iter().filter(|turn| matches!(turn, Role::Leader(_))).count();
            assert_eq!(ours, 1 << waited.min(6), "{waited}");
        }
    }
}
