//! The log of exchanges: counters by party and outcome, the last exchanges in full, and the `jti` claims that arrived.

use super::party::Party;
use super::recent::Recent;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// The number of exchanges that are kept in full.
pub const REMEMBERED_EXCHANGES: usize = 100;
/// The number of `jti` claims that are remembered; the oldest is forgotten first.
const REMEMBERED_IDS: usize = 10_000;
/// The maximum length of a `jti` that is remembered, in characters.
const MAX_ID: usize = 200;

/// The name of the counter of arrivals.
pub const RECEIVED: &str = "received";
/// The outcome of a request that gets what it asks for.
pub const OK: &str = "ok";
/// The name of the counter of requests with a `jti` that the party has been shown before.
pub const REPEATED_JTI: &str = "repeated_jti";

/// A logged request to a token endpoint. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExchangeRecord {
    /// The number of the request, counted from 1 since the start.
    pub number: u64,
    /// The party.
    pub party: Party,
    /// The path of the endpoint, below the party's prefix.
    pub path: String,
    /// The time of arrival by the emulator's clock, as RFC 3339.
    pub at: String,
    /// The `jti` of the JWT that was sent, verified or not, at most 200 characters.
    pub jti: Option<String>,
    /// Whether the party had not been shown this `jti` before; `None` without one.
    pub fresh: Option<bool>,
    /// `ok`, the reason of a refusal, or the name of a fault; `None` while the request runs, and for good if its client
    /// disconnected.
    pub outcome: Option<&'static str>,
}

/// Counters of requests to the parties, and the last exchanges.
pub(super) struct ExchangeLog {
    exchanges: BTreeMap<Party, BTreeMap<&'static str, u64>>,
    api_calls: BTreeMap<Party, BTreeMap<&'static str, u64>>,
    last: VecDeque<ExchangeRecord>,
    /// The `jti` claims that arrived.
    shown: Recent<(Party, String)>,
    /// Those of JWTs that the party has verified.
    spent: Recent<(Party, String)>,
    arrivals: u64,
    forgotten: u64,
}

impl Default for ExchangeLog {
    fn default() -> Self {
        Self {
            exchanges: BTreeMap::new(),
            api_calls: BTreeMap::new(),
            last: VecDeque::new(),
            shown: Recent::new(REMEMBERED_IDS),
            spent: Recent::new(REMEMBERED_IDS),
            arrivals: 0,
            forgotten: 0,
        }
    }
}

impl ExchangeLog {
    /// Adds a request to a token endpoint, and returns its number.
    pub(super) fn arrive(&mut self, mut record: ExchangeRecord) -> u64 {
        self.arrivals += 1;
        record.number = self.arrivals;
        record.jti = record.jti.map(|jti| shortened(&jti));
        record.fresh = record.jti.as_ref().map(|jti| self.shown.insert((record.party, jti.clone())));
        count(&mut self.exchanges, record.party, RECEIVED);
        if record.fresh == Some(false) {
            count(&mut self.exchanges, record.party, REPEATED_JTI);
        }
        if self.last.len() == REMEMBERED_EXCHANGES {
            self.last.pop_front();
        }
        self.last.push_back(record);
        self.arrivals
    }

    /// Spends the `jti` of a verified JWT, and returns whether this is its first use at the party.
    pub(super) fn spend(&mut self, party: Party, jti: &str) -> bool {
        self.spent.insert((party, shortened(jti)))
    }

    /// Sets the outcome of the request with this number.
    pub(super) fn finish(&mut self, number: u64, party: Party, outcome: &'static str) {
        if number <= self.forgotten {
            return;
        }
        count(&mut self.exchanges, party, outcome);
        if let Some(record) = self.last.iter_mut().find(|it| it.number == number) {
            record.outcome = Some(outcome);
        }
    }

    /// Counts a request to a party's API.
    pub(super) fn called(&mut self, party: Party, outcome: &'static str) {
        count(&mut self.api_calls, party, RECEIVED);
        count(&mut self.api_calls, party, outcome);
    }

    /// Removes everything but the `jti` claims, which stay spent.
    pub(super) fn forget(&mut self) {
        self.exchanges.clear();
        self.api_calls.clear();
        self.last.clear();
        self.forgotten = self.arrivals;
    }

    /// The counter of a party's exchanges with this name.
    pub(super) fn exchanges(&self, party: Party, name: &str) -> u64 {
        read(&self.exchanges, party, name)
    }

    /// The counter of requests to a party's API with this name.
    pub(super) fn api_calls(&self, party: Party, name: &str) -> u64 {
        read(&self.api_calls, party, name)
    }

    /// The exchanges that are kept in full, oldest first.
    pub(super) fn last(&self) -> impl Iterator<Item = &ExchangeRecord> {
        self.last.iter()
    }

    /// The counters of exchanges and of calls to APIs.
    pub(super) fn counters(&self) -> [&BTreeMap<Party, BTreeMap<&'static str, u64>>; 2] {
        [&self.exchanges, &self.api_calls]
    }
}

fn shortened(jti: &str) -> String {
    jti.chars().take(MAX_ID).collect()
}

fn count(counters: &mut BTreeMap<Party, BTreeMap<&'static str, u64>>, party: Party, name: &'static str) {
    *counters.entry(party).or_default().entry(name).or_default() += 1;
}

fn read(counters: &BTreeMap<Party, BTreeMap<&'static str, u64>>, party: Party, name: &str) -> u64 {
    counters.get(&party).and_then(|it| it.get(name)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(party: Party, jti: &str) -> ExchangeRecord {
        let jti = Some(jti.to_owned());
        ExchangeRecord {
            number: 0,
            party,
            path: String::new(),
            at: String::new(),
            jti,
            fresh: None,
            outcome: None,
        }
    }

    #[test]
    fn an_id_is_fresh_once_for_each_party() {
        let mut log = ExchangeLog::default();
        log.arrive(record(Party::Openai, "a"));
        log.arrive(record(Party::Entra, "a"));
        log.forget();
        assert_eq!(log.arrive(record(Party::Openai, "a")), 3);
        assert_eq!(log.last().map(|it| it.fresh).collect::<Vec<_>>(), [Some(false)]);
        assert_eq!(
            (log.exchanges(Party::Openai, REPEATED_JTI), log.exchanges(Party::Entra, RECEIVED)),
            (1, 0)
        );
    }

    #[test]
    fn an_id_is_spent_once_for_each_party() {
        let mut log = ExchangeLog::default();
        assert!(log.spend(Party::Openai, "a") && log.spend(Party::Entra, "a"));
        log.forget();
        assert!(!log.spend(Party::Openai, "a"));
    }

    #[test]
    fn a_long_id_is_shortened() {
        let mut log = ExchangeLog::default();
        log.arrive(record(Party::Openai, &"x".repeat(1000)));
        assert_eq!(log.last().next().unwrap().jti.as_ref().unwrap().len(), MAX_ID);
    }
}
