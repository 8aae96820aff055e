//! The callers, and the end of their sessions.

use super::api_error::{ApiError, ErrorCode};
use super::role::RoleArn;
use super::unix_seconds::UnixSeconds;
use std::collections::{BTreeMap, VecDeque};

/// The maximum number of remembered keys. The oldest is forgotten first, and then counts as a key that was not issued.
const CAPACITY: usize = 10_000;

/// A session of a role, or the role behind long-term keys.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    pub(super) role: RoleArn,
    pub(super) session_name: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) source_identity: Option<String>,
}

/// The caller of a signed call.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) principal: Principal,
    /// The region of the signature.
    pub(super) region: String,
    /// The end of the caller's session; long-term keys have none.
    pub(super) session_end: Option<UnixSeconds>,
    /// Whether the keys came from `AssumeRole` or `AssumeRoleWithWebIdentity`.
    pub(super) is_chained: bool,
}

/// Checks the session rule of `GetWebIdentityToken`: no token outlives the session of its caller. A token may end in
/// the very last second of the session.
///
/// # Errors
/// `ExpiredToken` when the session has ended, `SessionDurationEscalationException` when it is too short.
pub(super) fn permit(
    now: UnixSeconds,
    duration_seconds: u32,
    end: Option<UnixSeconds>,
) -> Result<(), ApiError> {
    let Some(end) = end else { return Ok(()) };
    if now >= end {
        return Err(ApiError::usual(ErrorCode::ExpiredToken));
    }
    if now.plus(i64::from(duration_seconds)) > end {
        return Err(ApiError::new(
            ErrorCode::SessionDurationEscalationException,
            format!(
                "The requested DurationSeconds would outlive the calling session, which ends at {}",
                end.rfc3339()
            ),
        ));
    }
    Ok(())
}

/// The issued keys, and the ends of sessions that were set by hand.
#[derive(Default)]
pub(super) struct Sessions {
    known: BTreeMap<String, Session>,
    order: VecDeque<String>,
    /// The end of the session behind all other keys.
    default_end: Option<UnixSeconds>,
}

struct Session {
    /// The principal of an issued key; `None` for a key that was not issued.
    principal: Option<Principal>,
    end: Option<UnixSeconds>,
}

impl Sessions {
    /// Remembers a key that is issued.
    pub(super) fn hand_out(&mut self, access_key_id: String, principal: Principal, end: UnixSeconds) {
        self.remember(access_key_id, Session { principal: Some(principal), end: Some(end) });
    }

    /// Sets the end of the session behind one key.
    pub(super) fn set_end_of(&mut self, access_key_id: &str, end: Option<UnixSeconds>) {
        match self.known.get_mut(access_key_id) {
            Some(session) => session.end = end,
            None => self.remember(access_key_id.to_owned(), Session { principal: None, end }),
        }
    }

    /// Sets the end of the session behind every key without a session of its own.
    pub(super) fn set_default_end(&mut self, end: Option<UnixSeconds>) {
        self.default_end = end;
    }

    /// The end of the session behind every key without a session of its own.
    pub(super) fn default_end(&self) -> Option<UnixSeconds> {
        self.default_end
    }

    /// Looks up a key: its principal if it was issued, and the end of its session.
    pub(super) fn find(&self, access_key_id: &str) -> (Option<Principal>, Option<UnixSeconds>) {
        match self.known.get(access_key_id) {
            Some(session) => (session.principal.clone(), session.end),
            None => (None, self.default_end),
        }
    }

    fn remember(&mut self, access_key_id: String, session: Session) {
        if self.order.len() == CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        if self.known.insert(access_key_id.clone(), session).is_none() {
            self.order.push_back(access_key_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_token_may_end_with_the_session_and_no_second_later() {
        let now = UnixSeconds::of(UNIX_EPOCH);
        assert_eq!(permit(now, 300, Some(now.plus(300))), Ok(()));
        let error = permit(now, 300, Some(now.plus(299))).unwrap_err();
        assert_eq!(error.code, ErrorCode::SessionDurationEscalationException);
    }

    #[test]
    fn the_oldest_key_is_forgotten_first() {
        let mut sessions = Sessions::default();
        let end = Some(UnixSeconds::of(UNIX_EPOCH));
        for n in 0..=CAPACITY {
            sessions.set_end_of(&n.to_string(), end);
        }
        assert_eq!(sessions.find("0").1, None);
        assert_eq!(sessions.find("1").1, end);
        assert_eq!(sessions.known.len(), CAPACITY);
    }

    proptest! {
        #[test]
        fn no_token_outlives_its_session(now in 0..4_000_000_000_i64, life in 60..=3600_u32, left in -5000..50_000_i64) {
            let now = UnixSeconds::of(UNIX_EPOCH).plus(now);
            let end = now.plus(left);
            match permit(now, life, Some(end)) {
                Ok(()) => prop_assert!(now.plus(i64::from(life)) <= end),
                Err(error) if left <= 0 => prop_assert_eq!(error.code, ErrorCode::ExpiredToken),
                Err(error) => {
                    prop_assert_eq!(error.code, ErrorCode::SessionDurationEscalationException);
                    prop_assert!(i64::from(life) > left);
                }
            }
            prop_assert_eq!(permit(now, life, None), Ok(()));
        }
    }
}
