//! A source of credentials in memory, for tests on a paused clock, where a real socket would make time jump.

use super::error::CredentialError;
use super::{Credential, CredentialSource, Fetch, Fetched};
use crate::clock::Clock;
use crate::model::audience_set::AudienceSet;
use crate::model::credential_spec::CredentialSpec;
use crate::model::token_request::{SigningAlgorithm, TokenRequest};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// Fetches after a delay, or fails, and remembers when it was asked for what.
#[derive(Clone)]
pub(crate) struct TestSource(Arc<State>);

struct State {
    clock: Clock,
    script: Mutex<Script>,
    calls: Mutex<Vec<(SystemTime, CredentialSpec)>>,
    running: Mutex<HashMap<CredentialSpec, usize>>,
}

/// The spec of a token for this audience, with the settings that attache has where none are set.
pub(crate) fn spec(audience: &str) -> CredentialSpec {
    let audiences = AudienceSet::new([audience.to_owned()]).unwrap();
    let (algorithm, lifetime) = (SigningAlgorithm::Rs256, Duration::from_secs(3600));
    let token = TokenRequest { audiences, algorithm, lifetime, tags: Vec::new() };
    CredentialSpec::new(token, Duration::from_secs(300))
}

/// How the next calls end.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) latency: Duration,
    pub(crate) life: Duration,
    pub(crate) error: Option<CredentialError>,
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

    /// When each call came, and for which spec.
    pub(crate) fn calls_by_spec(&self) -> Vec<(SystemTime, CredentialSpec)> {
        self.0.calls.lock().unwrap().clone()
    }

    /// When each call came.
    pub(crate) fn calls(&self) -> Vec<SystemTime> {
        self.0.calls.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }
}

/// Counts a call for as long as it runs, also when it is dropped.
struct Running<'a>(&'a State, CredentialSpec);

impl<'a> Running<'a> {
    fn begin(state: &'a State, spec: &CredentialSpec) -> Self {
        let mut running = state.running.lock().unwrap();
        let count = running.entry(spec.clone()).or_default();
        *count += 1;
        assert_eq!(*count, 1, "two fetches ran at once for {spec:?}");
        drop(running);
        Self(state, spec.clone())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *self.0.running.lock().unwrap().get_mut(&self.1).unwrap() -= 1;
    }
}

impl CredentialSource for TestSource {
    fn fetch<'a>(&'a self, spec: &'a CredentialSpec) -> Fetch<'a> {
        Box::pin(async move {
            let state = &*self.0;
            let _running = Running::begin(state, spec);
            let asked = state.clock.timestamp();
            state.calls.lock().unwrap().push((asked.wall, spec.clone()));
            let Script { latency, life, error, panics } = state.script.lock().unwrap().clone();
            sleep(latency).await;
            assert!(!panics, "as the script says");
            match error {
                Some(error) => Err(error),
                None => {
                    let credential = Credential::bearer("jwt", asked, asked.wall + life).unwrap();
                    Ok(Fetched {
                        credential,
                        requested_lifetime: life,
                        mismatches: Vec::new(),
                        clock_ahead: None,
                    })
                }
            }
        })
    }
}
