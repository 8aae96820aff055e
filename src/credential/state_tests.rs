//! The state under any order of fetches, failures, requests and jumps of the clock.

use super::*;
use crate::credential::aws_code::AwsCode;
use proptest::prelude::*;

fn waiters(block: bool) -> Waiters {
    if block { Waiters::Block } else { Waiters::FailFast }
}

const SKEW: Duration = Duration::from_secs(300);

/// What can happen next.
#[derive(Clone, Debug)]
enum Event {
    /// Both clocks go on by so many milliseconds.
    Pass(u64),
    /// The wall clock alone is set forward, as after a suspension.
    Forward(u64),
    /// The wall clock alone is set back.
    Back(u64),
    /// The refresher looks whether a fetch is due; a request has asked for a token meanwhile, or none has.
    Work { asked: bool },
    /// The fetch that runs brings a token of so many seconds.
    Fetched(u64),
    /// The fetch that runs fails.
    Failed(usize),
    /// A request comes.
    Request,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0u64..20_000).prop_map(Event::Pass),
        2 => (0u64..4_000_000).prop_map(Event::Pass),
        1 => (0u64..5_000_000).prop_map(Event::Forward),
        1 => (0u64..5_000_000).prop_map(Event::Back),
        8 => any::<bool>().prop_map(|asked| Event::Work { asked }),
        5 => (0u64..4000).prop_map(Event::Fetched),
        5 => (0usize..3).prop_map(Event::Failed),
        8 => Just(Event::Request),
    ];
    proptest::collection::vec(event, 1..200)
}

fn error(kind: usize) -> CredentialError {
    let refused = |code: &str| CredentialError::Refused {
        code: AwsCode::read(code).unwrap(),
        message: String::new(),
        request_id: None,
    };
    match kind {
        0 => CredentialError::Unreachable("down".to_owned()),
        1 => refused("AccessDenied"),
        _ => refused("Throttling"),
    }
}

fn timestamp() -> Timestamp {
    Timestamp { wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000), tick: Instant::now() }
}

/// A refresher and its state, with clocks that the test turns.
struct Model {
    state: EntryState,
    now: Timestamp,
    /// When the token that came last is over, by the timer: what no clock that is set can change.
    over: Instant,
    fetching: bool,
    failed: Option<(Instant, Severity)>,
    jitter: f64,
}

use crate::credential::severity::Severity;

impl Model {
    fn step(&mut self, event: &Event) {
        let millis = Duration::from_millis;
        match *event {
            Event::Pass(ms) => self.now = self.now.after(millis(ms)),
            Event::Forward(ms) => self.now.wall += millis(ms),
            Event::Back(ms) => self.now.wall -= millis(ms),
            Event::Work { asked } => self.work(asked),
            Event::Fetched(seconds) => {
                if std::mem::take(&mut self.fetching) {
                    let life = Duration::from_secs(seconds);
                    let token = Credential::bearer("jwt", self.now, self.now.wall + life).unwrap();
                    if token.is_usable(self.now.after(Duration::from_secs(1))) {
                        self.over = self.now.tick + life;
                    }
                    self.settle(EntryState::fetched(token, self.now, SKEW, self.jitter));
                }
            }
            Event::Failed(kind) => {
                if std::mem::take(&mut self.fetching) {
                    self.settle(Err(error(kind)));
                }
            }
            Event::Request => self.request(),
        }
    }

    fn settle(&mut self, outcome: Result<EntryState, CredentialError>) {
        self.failed = outcome.as_ref().err().map(|error| (self.now.tick, error.severity()));
        self.state =
            outcome.unwrap_or_else(|error| self.state.failed(Arc::new(error), self.now, self.jitter));
    }

    fn work(&mut self, asked: bool) {
        if self.fetching {
            return;
        }
        let (due, blocks) = match self.state.due(self.now) {
            Due::Now => (true, true),
            Due::At(moment) => (self.now.has_reached(moment), true),
            Due::AfterFailure { idle, on_demand } => {
                assert!(on_demand <= idle, "being asked never delays a try");
                (self.now.tick >= if asked { on_demand } else { idle }, !asked)
            }
        };
        if !due {
            return;
        }
        if let Some((at, severity)) = self.failed {
            let shortest = if severity == Severity::Permanent { 3500 } else { 700 };
            assert!(
                self.now.tick >= at + Duration::from_millis(shortest),
                "a try came before its pause was over"
            );
        }
        self.state = self.state.fetching(waiters(blocks));
        self.fetching = true;
    }

    fn request(&self) {
        let held = self.state.credential().filter(|token| token.is_usable(self.now));
        match self.state.serve(self.now) {
            Lookup::Credential(token) => {
                assert!(
                    token.is_usable(self.now) && token.expires() > self.now.wall && self.over > self.now.tick,
                    "an expired token was served"
                );
            }
            Lookup::Fail(_) => {
                assert!(held.is_none(), "a request failed although a valid token was held");
                assert!(self.state.failure().is_some());
            }
            Lookup::Wait => {
                assert!(held.is_none(), "a request waited although a valid token was held");
                // A request that waits is answered: a fetch runs, or the refresher starts one as soon as it is asked.
                let startable = match self.state.due(self.now) {
                    Due::Now => true,
                    Due::At(_) => false,
                    Due::AfterFailure { on_demand, .. } => on_demand <= self.now.tick,
                };
                assert!(self.fetching || startable, "a request waited for nothing");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_valid_token_is_always_served_and_an_expired_one_never(
        events in events(),
        jitter in 0.0..1.0f64,
    ) {
        let mut model = Model {
            state: EntryState::Fetching { consecutive_failures: ConsecutiveFailures::default() },
            now: timestamp(),
            over: Instant::now(),
            fetching: false,
            failed: None,
            jitter,
        };
        for event in &events {
            model.step(event);
            model.request();
        }
    }
}

#[test]
fn a_failed_renewal_leaves_the_valid_token_in_service() {
    let now = timestamp();
    let token = Credential::bearer("jwt", now, now.wall + Duration::from_secs(3600)).unwrap();
    let state = EntryState::fetched(token, now, SKEW, 0.0).unwrap().fetching(Waiters::Block);
    let state = state.failed(Arc::new(error(0)), now, 0.5);
    assert!(matches!(state, EntryState::Stale { .. }));
    assert!(matches!(state.serve(now), Lookup::Credential(_)));
}

#[test]
fn a_clock_that_is_set_back_makes_no_token_live_longer() {
    let now = timestamp();
    let token = Credential::bearer("jwt", now, now.wall + Duration::from_secs(3600)).unwrap();
    let state = EntryState::fetched(token, now, SKEW, 0.0).unwrap();
    let set_back = Timestamp { wall: now.wall - Duration::from_secs(24 * 3600), ..now };
    assert!(matches!(state.serve(set_back), Lookup::Credential(_)));
    assert_eq!(state.due(set_back.after(Duration::from_secs(3299))), Due::At(slot_refresh(&state)));
    assert_eq!(state.due(set_back.after(Duration::from_secs(3301))), Due::Now);
    assert!(matches!(state.serve(set_back.after(Duration::from_secs(3595))), Lookup::Wait));
}

#[test]
fn a_clock_that_is_set_forward_has_the_token_fetched_again() {
    let now = timestamp();
    let token = Credential::bearer("jwt", now, now.wall + Duration::from_secs(3600)).unwrap();
    let state = EntryState::fetched(token, now, SKEW, 0.0).unwrap();
    let set_forward = Timestamp { wall: now.wall + Duration::from_secs(24 * 3600), ..now };
    assert_eq!(state.due(set_forward), Due::Now);
    assert!(matches!(state.serve(set_forward), Lookup::Wait));
}

fn slot_refresh(state: &EntryState) -> Timestamp {
    let EntryState::Fresh { refresh_at, .. } = state else { panic!("{state:?}") };
    *refresh_at
}

#[test]
fn failures_in_a_row_are_counted_through_waiting_and_serving() {
    let mut state = EntryState::Fetching { consecutive_failures: ConsecutiveFailures::default() };
    for round in 1..=5 {
        state = state.fetching(waiters(round % 2 == 0)).failed(Arc::new(error(0)), timestamp(), 0.5);
        assert_eq!(state.failure().map(|failure| failure.consecutive_failures.total()), Some(round));
    }
}

#[test]
fn while_a_retry_runs_the_known_failure_answers_at_once() {
    let now = timestamp();
    let failed = EntryState::Fetching { consecutive_failures: ConsecutiveFailures::default() }.failed(
        Arc::new(error(0)),
        now,
        0.5,
    );
    let much_later = now.after(Duration::from_secs(100));
    assert!(matches!(failed.fetching(Waiters::FailFast).serve(much_later), Lookup::Fail(_)));
    assert!(matches!(failed.fetching(Waiters::Block).serve(much_later), Lookup::Wait));
    assert!(matches!(failed.serve(much_later), Lookup::Wait), "old news: look again");
}

#[test]
fn a_throttling_after_outages_waits_as_a_first_one() {
    let now = timestamp();
    let mut state = EntryState::Fetching { consecutive_failures: ConsecutiveFailures::default() };
    for _ in 0..5 {
        state = state.failed(Arc::new(error(0)), now, 0.0);
    }
    let failure = state.failed(Arc::new(error(2)), now, 0.0).failure().cloned().unwrap();
    assert_eq!(
        (failure.consecutive_failures.total(), failure.retry_at - now.tick),
        (6, Duration::from_millis(1800))
    );
}

#[test]
fn a_token_that_is_expired_or_about_to_be_is_as_good_as_none() {
    let now = timestamp();
    for (life, usable) in [(0, false), (1, false), (2, true), (3600, true)] {
        let token = Credential::bearer("jwt", now, now.wall + Duration::from_secs(life)).unwrap();
        let state = EntryState::fetched(token, now, SKEW, 0.5);
        assert_eq!(state.is_ok(), usable, "a token of {life} s");
        // However short its life, it is not fetched again within a second.
        assert!(state.is_err() || state.unwrap().refresh_at() >= Some(now.wall + Duration::from_secs(1)));
    }
}
