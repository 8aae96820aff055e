//! What the emulator remembers of the relying parties: the log of exchanges, and the tokens that they gave out.

use super::exchange_log::{ExchangeLog, ExchangeRecord, RECEIVED};
use super::party::Party;
use super::party_results::{Issued, PartyResults};
use super::unix_seconds::UnixSeconds;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::watch;

/// What the emulator remembers of the relying parties.
#[derive(Default)]
pub struct PartyRecords {
    log: watch::Sender<ExchangeLog>,
    results: Mutex<PartyResults>,
}

impl PartyRecords {
    /// The number of requests that arrived at the party's token endpoint, answered or not.
    pub fn received(&self, party: Party) -> u64 {
        self.log.borrow().exchanges(party, RECEIVED)
    }

    /// The number of exchanges with this outcome ([`ExchangeRecord::outcome`]), or of those with a `repeated_jti`.
    pub fn exchanged(&self, party: Party, outcome: &str) -> u64 {
        self.log.borrow().exchanges(party, outcome)
    }

    /// The number of requests to the party's API with this outcome: `ok`, `unauthorized`, or `received` for all.
    pub fn api_calls(&self, party: Party, outcome: &str) -> u64 {
        self.log.borrow().api_calls(party, outcome)
    }

    /// The last exchanges, oldest first.
    pub fn exchanges(&self) -> Vec<ExchangeRecord> {
        self.log.borrow().last().cloned().collect()
    }

    /// Waits until `count` requests have arrived at the party's token endpoint since the start or the last reset.
    pub async fn wait_for_exchanges(&self, party: Party, count: u64) {
        let mut log = self.log.subscribe();
        let arrived = log.wait_for(|log| log.exchanges(party, RECEIVED) >= count).await;
        arrived.expect("this value keeps the sender alive");
    }

    /// Revokes every token that the party has given out.
    pub fn revoke(&self, party: Party) {
        self.results().revoke_all(party);
    }

    pub(super) fn arrive(&self, record: ExchangeRecord) -> u64 {
        let mut number = 0;
        self.log.send_modify(|log| number = log.arrive(record));
        number
    }

    /// Spends the `jti` of a verified JWT, and returns whether this is its first use at the party.
    pub(super) fn spend(&self, party: Party, jti: &str) -> bool {
        let mut is_first = false;
        self.log.send_modify(|log| is_first = log.spend(party, jti));
        is_first
    }

    pub(super) fn finish(&self, number: u64, party: Party, outcome: &'static str) {
        self.log.send_modify(|log| log.finish(number, party, outcome));
    }

    pub(super) fn called(&self, party: Party, outcome: &'static str) {
        self.log.send_modify(|log| log.called(party, outcome));
    }

    pub(super) fn forget(&self) {
        self.log.send_modify(ExchangeLog::forget);
    }

    pub(super) fn log(&self) -> watch::Ref<'_, ExchangeLog> {
        self.log.borrow()
    }

    pub(super) fn issue(&self, token: String, issued: Issued) {
        self.results().issue(token, issued);
    }

    pub(super) fn find(&self, token: &str, party: Party, now: UnixSeconds) -> Option<Issued> {
        self.results().find(token, party, now).cloned()
    }

    pub(super) fn revoke_one(&self, token: &str) {
        self.results().revoke(token);
    }

    fn results(&self) -> MutexGuard<'_, PartyResults> {
        self.results.lock().expect("nothing panics while holding this lock")
    }
}
