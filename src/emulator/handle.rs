//! Controls an emulator in the same process: what the control API does over HTTP, and waiting for calls.

use super::api_error::ApiError;
use super::authorization::Scope;
use super::call::{Call, Operation};
use super::call_log::{CallLog, CallRecord, UNKNOWN};
use super::faults::Faults;
use super::issuer::{Issuer, IssuerUrl};
use super::options::Options;
use super::party_records::PartyRecords;
use super::role::RoleArn;
use super::sessions::{Caller, Principal, Sessions};
use super::unix_seconds::UnixSeconds;
use crate::clock::Clock;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A handle to a running emulator. Cloning is cheap, and all clones control the same emulator.
#[derive(Clone)]
pub struct EmulatorHandle(Arc<State>);

struct State {
    options: Options,
    role: RoleArn,
    issuer: Arc<Issuer>,
    clock: Clock,
    faults: watch::Sender<Faults>,
    call_log: watch::Sender<CallLog>,
    federation_enabled: AtomicBool,
    sessions: Mutex<Sessions>,
    parties: PartyRecords,
    closing: CancellationToken,
}

impl EmulatorHandle {
    pub(super) fn new(options: Options, role: RoleArn, issuer: IssuerUrl) -> Self {
        let handle = Self(Arc::new(State {
            role,
            issuer: Issuer::start(issuer),
            clock: Clock::system(),
            faults: watch::Sender::new(options.faults.clone()),
            call_log: watch::Sender::default(),
            federation_enabled: AtomicBool::new(options.federation_enabled),
            sessions: Mutex::default(),
            parties: PartyRecords::default(),
            closing: CancellationToken::new(),
            options,
        }));
        handle.set_session(handle.0.options.session);
        handle
    }

    /// The issuer of the emulator's tokens.
    pub fn issuer(&self) -> &str {
        self.0.issuer.url()
    }

    /// The faults in force.
    pub fn faults(&self) -> Faults {
        self.0.faults.borrow().clone()
    }

    /// Replaces the faults, from the next call on; `Faults::default()` ends them all.
    pub fn set_faults(&self, faults: Faults) {
        self.0.faults.send_replace(faults);
    }

    /// Changes the faults in force, from the next call on.
    pub fn update_faults(&self, change: impl FnOnce(&mut Faults)) {
        self.0.faults.send_modify(change);
    }

    /// Sets the remaining time, from now, of the session behind every key without a session of its own. `None` makes
    /// them long-term keys.
    pub fn set_session(&self, remaining: Option<Duration>) {
        let end = self.after(remaining);
        self.sessions().set_default_end(end);
    }

    /// Sets the remaining time, from now, of the session behind one key, issued or not. `None` makes it a long-term
    /// key.
    pub fn set_session_of(&self, access_key_id: &str, remaining: Option<Duration>) {
        let end = self.after(remaining);
        self.sessions().set_end_of(access_key_id, end);
    }

    /// Turns federation on or off, and returns the previous state.
    pub fn set_federation_enabled(&self, enabled: bool) -> bool {
        self.0.federation_enabled.swap(enabled, Ordering::Relaxed)
    }

    /// Whether federation is on.
    pub fn is_federation_enabled(&self) -> bool {
        self.0.federation_enabled.load(Ordering::Relaxed)
    }

    /// Signs with new keys from now on, and continues to publish the old ones.
    ///
    /// # Errors
    /// When keys cannot be made.
    pub async fn rotate_keys(&self) -> Result<(), ApiError> {
        self.0.issuer.rotate().await
    }

    /// The number of calls of `operation` that arrived, answered or not.
    pub fn received(&self, operation: Operation) -> u64 {
        self.0.call_log.borrow().received(operation.name())
    }

    /// The number of calls of `operation` with this outcome ([`CallRecord::outcome`]).
    pub fn answered(&self, operation: Operation, outcome: &str) -> u64 {
        self.0.call_log.borrow().answered(operation.name(), outcome)
    }

    /// The last calls, oldest first.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.0.call_log.borrow().calls().cloned().collect()
    }

    /// Waits until `count` calls of `operation` have arrived since the start or the last reset.
    pub async fn wait_for_calls(&self, operation: Operation, count: u64) {
        let mut call_log = self.0.call_log.subscribe();
        let arrived = call_log.wait_for(|call_log| call_log.received(operation.name()) >= count).await;
        arrived.expect("this handle keeps the sender alive");
    }

    /// What the relying parties were asked and have given out.
    pub fn parties(&self) -> &PartyRecords {
        &self.0.parties
    }

    /// Resets faults, sessions and federation to the options, and the counters to zero. The signing keys stay, as does what
    /// the relying parties have given out.
    pub fn reset(&self) {
        self.set_faults(self.0.options.faults.clone());
        self.set_federation_enabled(self.0.options.federation_enabled);
        *self.sessions() = Sessions::default();
        self.set_session(self.0.options.session);
        self.0.call_log.send_modify(CallLog::forget);
        self.0.parties.forget();
    }

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(super) fn role(&self) -> &RoleArn {
        &self.0.role
    }

    pub(super) fn signer(&self) -> &Arc<Issuer> {
        &self.0.issuer
    }

    pub(super) fn call_log(&self) -> watch::Ref<'_, CallLog> {
        self.0.call_log.borrow()
    }

    pub(super) fn session_end(&self) -> Option<UnixSeconds> {
        self.sessions().default_end()
    }

    /// The time by the emulator's clock.
    pub(super) fn now(&self) -> UnixSeconds {
        let offset = self.0.faults.borrow().clock_offset_seconds;
        UnixSeconds::of(self.0.clock.now()).plus(i64::from(offset))
    }

    pub(super) fn hand_out(&self, access_key_id: String, principal: Principal, end: UnixSeconds) {
        self.sessions().hand_out(access_key_id, principal, end);
    }

    /// The caller that a scope names; a key that was not issued belongs to the role of the options.
    pub(super) fn caller(&self, scope: Scope) -> Caller {
        let (principal, session_end) = self.sessions().find(&scope.access_key_id);
        Caller {
            is_chained: principal.is_some(),
            principal: principal.unwrap_or_else(|| Principal {
                role: self.0.role.clone(),
                session_name: "emulator".to_owned(),
                tags: [].into(),
                source_identity: None,
            }),
            region: scope.region.unwrap_or_else(|| self.0.options.region.clone()),
            session_end,
        }
    }

    /// Logs a call and returns its number.
    pub(super) fn arrive(
        &self,
        call: Option<&Call>,
        operation: Option<Operation>,
        access_key_id: Option<String>,
    ) -> u64 {
        let record = CallRecord::arrived(call, operation, self.now(), access_key_id);
        let mut number = 0;
        self.0.call_log.send_modify(|call_log| number = call_log.arrive(record));
        number
    }

    /// Logs the outcome of a call.
    pub(super) fn finish(&self, number: u64, operation: Option<Operation>, outcome: &'static str) {
        let action = operation.map_or(UNKNOWN, Operation::name);
        self.0.call_log.send_modify(|call_log| call_log.finish(number, action, outcome));
    }

    /// Waits while calls of `operation` hang.
    pub(super) async fn released(&self, operation: Option<Operation>) {
        self.until_faults(|faults| !(faults.hang && faults.actions.covers(operation))).await;
    }

    /// Waits until the faults in force are such.
    pub(super) async fn until_faults(&self, are_such: impl FnMut(&Faults) -> bool) {
        let mut faults = self.0.faults.subscribe();
        let such = faults.wait_for(are_such).await;
        such.expect("this handle keeps the sender alive");
    }

    /// Waits for `until`, or until the emulator shuts down.
    pub(super) async fn unless_closing(&self, until: impl Future<Output = ()>) {
        self.0.closing.run_until_cancelled(until).await;
    }

    pub(super) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    fn after(&self, remaining: Option<Duration>) -> Option<UnixSeconds> {
        let seconds = remaining.map(|it| i64::try_from(it.as_secs()).unwrap_or(i64::MAX));
        seconds.map(|seconds| self.now().plus(seconds))
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.0.sessions.lock().expect("nothing panics while holding this lock")
    }
}
