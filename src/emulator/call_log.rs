//! The log of calls: counters by operation and outcome, and the last calls in full.

use super::call::{Call, Operation};
use super::unix_seconds::UnixSeconds;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// The number of calls that are kept in full.
pub const REMEMBERED_CALLS: usize = 100;

/// The name under which calls of unknown operations are counted.
pub(super) const UNKNOWN: &str = "unknown";

/// A logged call. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallRecord {
    /// The number of the call, counted from 1 since the start.
    pub number: u64,
    /// The operation, or `unknown`.
    pub action: &'static str,
    /// The time of arrival by the emulator's clock, as RFC 3339.
    pub at: String,
    /// The access key id of the signer, if the call was signed.
    pub access_key_id: Option<String>,
    /// The requested audiences, in the order of their index; only of a valid `GetWebIdentityToken`.
    pub audiences: Vec<String>,
    /// The requested lifetime, or its default; only of a valid call that has one.
    pub duration_seconds: Option<u32>,
    /// The requested algorithm; only of a valid `GetWebIdentityToken`.
    pub algorithm: Option<&'static str>,
    /// The requested tags; only of a valid call that has tags.
    pub tags: BTreeMap<String, String>,
    /// `ok`, an error code, `502`, `504` or `closed`; `None` while the call runs, and for good if its caller
    /// disconnected.
    pub outcome: Option<&'static str>,
}

impl CallRecord {
    /// Creates the record of a call that has just arrived.
    pub(super) fn arrived(
        call: Option<&Call>,
        operation: Option<Operation>,
        at: UnixSeconds,
        access_key_id: Option<String>,
    ) -> Self {
        let mut record = Self {
            number: 0,
            action: operation.map_or(UNKNOWN, Operation::name),
            at: at.rfc3339(),
            access_key_id,
            audiences: Vec::new(),
            duration_seconds: None,
            algorithm: None,
            tags: BTreeMap::new(),
            outcome: None,
        };
        match call {
            Some(Call::GetWebIdentityToken(mint)) => {
                record.audiences.clone_from(&mint.audiences);
                record.duration_seconds = Some(mint.duration_seconds);
                record.algorithm = Some(mint.algorithm.name());
                record.tags = mint.tags.iter().cloned().collect();
            }
            Some(Call::AssumeRole(assume)) => {
                record.duration_seconds = Some(assume.duration_seconds);
                record.tags = assume.tags.iter().cloned().collect();
            }
            Some(Call::AssumeRoleWithWebIdentity(with)) => {
                record.duration_seconds = Some(with.assume.duration_seconds);
            }
            Some(
                Call::GetCallerIdentity
                | Call::EnableOutboundWebIdentityFederation
                | Call::GetOutboundWebIdentityFederationInfo
                | Call::DisableOutboundWebIdentityFederation,
            )
            | None => {}
        }
        record
    }
}

/// Counters of calls, and the last [`REMEMBERED_CALLS`] calls.
#[derive(Default)]
pub(super) struct CallLog {
    counters: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    calls: VecDeque<CallRecord>,
    arrivals: u64,
    forgotten: u64,
}

/// The name of the counter of arrivals.
const RECEIVED: &str = "received";

impl CallLog {
    /// Adds a call and returns its number.
    pub(super) fn arrive(&mut self, mut record: CallRecord) -> u64 {
        self.arrivals += 1;
        record.number = self.arrivals;
        self.count(record.action, RECEIVED);
        if self.calls.len() == REMEMBERED_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(record);
        self.arrivals
    }

    /// Sets the outcome of the call with this number.
    pub(super) fn finish(&mut self, number: u64, action: &'static str, outcome: &'static str) {
        if number <= self.forgotten {
            return;
        }
        self.count(action, outcome);
        if let Some(record) = self.calls.iter_mut().find(|it| it.number == number) {
            record.outcome = Some(outcome);
        }
    }

    /// Removes all calls so far, including those that are still running.
    pub(super) fn forget(&mut self) {
        self.counters.clear();
        self.calls.clear();
        self.forgotten = self.arrivals;
    }

    /// The number of calls of `action` that arrived.
    pub(super) fn received(&self, action: &str) -> u64 {
        self.answered(action, RECEIVED)
    }

    /// The number of calls of `action` with this outcome.
    pub(super) fn answered(&self, action: &str, outcome: &str) -> u64 {
        self.counters.get(action).and_then(|it| it.get(outcome)).copied().unwrap_or(0)
    }

    /// The calls that are kept in full, oldest first.
    pub(super) fn calls(&self) -> impl Iterator<Item = &CallRecord> {
        self.calls.iter()
    }

    /// The counters of each operation: its arrivals (`received`) and its outcomes.
    pub(super) fn counters(&self) -> &BTreeMap<&'static str, BTreeMap<&'static str, u64>> {
        &self.counters
    }

    fn count(&mut self, action: &'static str, what: &'static str) {
        *self.counters.entry(action).or_default().entry(what).or_default() += 1;
    }
}
