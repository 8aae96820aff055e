//! A source of tokens in memory, for tests on a paused clock, where a real socket would make time jump.

use super::error::TokenError;
use super::{Minted, Minting, Token, TokenSource};
use crate::clock::Clock;
use crate::model::audience_set::AudienceSet;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// Mints after a delay, or fails, and remembers when it was asked for what.
#[derive(Clone)]
pub(crate) struct TestSource(Arc<State>);

struct State {
    clock: Clock,
    script: Mutex<Script>,
    calls: Mutex<Vec<(SystemTime, AudienceSet)>>,
    running: Mutex<HashMap<AudienceSet, usize>>,
}

/// How the next calls end.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) latency: Duration,
    pub(crate) life: Duration,
    pub(crate) error: Option<TokenError>,
    /// The call panics.
    pub(crate) panics: bool,
}

impl TestSource {
    pub(crate) fn new(clock: Clock) -> Self {
        let script =
            Script { latency: Duration::ZERO, life: Duration::from_secs(3600), error: None, panics: false };
        Self(Arc::new(State {
            clock,
            script: Mutex::new(script),
            calls: Mutex::default(),
            running: Mutex::default(),
        }))
    }

    pub(crate) fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.0.script.lock().unwrap());
    }

    /// When each call came, and for which set.
    pub(crate) fn calls_by_set(&self) -> Vec<(SystemTime, AudienceSet)> {
        self.0.calls.lock().unwrap().clone()
    }

    /// When each call came.
    pub(crate) fn calls(&self) -> Vec<SystemTime> {
        self.0.calls.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }
}

/// Counts a call for as long as it runs, also when it is dropped.
struct Running<'a>(&'a State, AudienceSet);

impl<'a> Running<'a> {
    fn begin(state: &'a State, audiences: &AudienceSet) -> Self {
        let mut running = state.running.lock().unwrap();
        let count = running.entry(audiences.clone()).or_default();
        *count += 1;
        assert_eq!(*count, 1, "two fetches ran at once for {audiences}");
        drop(running);
        Self(state, audiences.clone())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *self.0.running.lock().unwrap().get_mut(&self.1).unwrap() -= 1;
    }
}

impl TokenSource for TestSource {
    fn mint<'a>(&'a self, audiences: &'a AudienceSet) -> Minting<'a> {
        Box::pin(async move {
            let state = &*self.0;
            let _running = Running::begin(state, audiences);
            let asked = state.clock.moment();
            state.calls.lock().unwrap().push((asked.wall, audiences.clone()));
            let Script { latency, life, error, panics } = state.script.lock().unwrap().clone();
            sleep(latency).await;
            assert!(!panics, "as the script says");
            match error {
                Some(error) => Err(error),
                None => {
                    let token = Token::new("jwt", asked, asked.wall + life).unwrap();
                    Ok(Minted { token, requested_lifetime: life, mismatches: Vec::new(), clock_ahead: None })
                }
            }
        })
    }
}
