//! When to renew a credential and when to try again after a failure. Pure: time and jitter are arguments.

use super::Credential;
use super::severity::Severity;
use crate::clock::Timestamp;
use std::time::Duration;

/// The share of the skew over which a fleet's renewals spread.
const SPREAD: f64 = 0.1;
/// The longest pause between two tries.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// The moment from which a credential is renewed: `skew` before its expiry, less up to a tenth of the skew by `jitter`
/// (0 to 1). Where the credential's life has no room for that, half its life.
pub fn refresh_at(credential: &Credential, skew: Duration, jitter: f64) -> Timestamp {
    let widest = skew.mul_f64(1.0 + SPREAD);
    let lead =
        if credential.life() <= widest { credential.life() / 2 } else { skew.mul_f64(1.0 + SPREAD * jitter) };
    credential.before_expiry(lead)
}

/// How many fetches have failed in a row. What slows tries down is counted for each severity by itself: five outages say
/// nothing of how many calls STS wants after a throttling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsecutiveFailures {
    transient: u32,
    permanent: u32,
    throttled: u32,
}

impl ConsecutiveFailures {
    /// With another failure.
    #[must_use]
    pub fn with_one_more(mut self, severity: Severity) -> Self {
        let count = match severity {
            Severity::Transient => &mut self.transient,
            Severity::Permanent => &mut self.permanent,
            Severity::Throttled => &mut self.throttled,
        };
        *count = count.saturating_add(1);
        self
    }

    /// Those of this severity.
    pub fn of(self, severity: Severity) -> u32 {
        match severity {
            Severity::Transient => self.transient,
            Severity::Permanent => self.permanent,
            Severity::Throttled => self.throttled,
        }
    }

    /// All of them.
    pub fn total(self) -> u32 {
        self.transient.saturating_add(self.permanent).saturating_add(self.throttled)
    }
}

/// How long to wait after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// When no request asks for a credential meanwhile.
    pub idle: Duration,
    /// When a request does, and there is none to serve. Never longer than `idle`.
    pub on_demand: Duration,
}

/// The pause after the `consecutive_failures`-th failure of this severity (from 1), shortened by 10 % to 30 % by `jitter` (0 to 1) so that
/// the tries of a fleet drift apart.
pub fn backoff(severity: Severity, consecutive_failures: u32, jitter: f64) -> Backoff {
    let (first, longest_on_demand) = match severity {
        Severity::Transient => (Duration::from_secs(1), Duration::from_secs(5)),
        Severity::Permanent => (Duration::from_secs(5), Duration::from_secs(5)),
        // More calls are what STS complains of, so being asked does not hurry the next one much.
        Severity::Throttled => (Duration::from_secs(2), Duration::from_secs(20)),
    };
    let doubled = first.saturating_mul(1 << (consecutive_failures.clamp(1, 16) - 1));
    let shortened = |pause: Duration| pause.mul_f64(0.9 - 0.2 * jitter);
    Backoff {
        idle: shortened(doubled.min(MAX_BACKOFF)),
        on_demand: shortened(doubled.min(longest_on_demand)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;
    use tokio::time::Instant;

    fn credential(life: u64) -> Credential {
        let issued = Timestamp { wall: SystemTime::UNIX_EPOCH, tick: Instant::now() };
        Credential::bearer("x", issued, issued.wall + Duration::from_secs(life)).unwrap()
    }

    fn seconds(moment: Timestamp) -> f64 {
        moment.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
    }

    #[test]
    fn the_refresh_point_lies_a_skew_and_up_to_a_tenth_of_it_before_expiry() {
        let skew = Duration::from_secs(300);
        assert_eq!(seconds(refresh_at(&credential(3600), skew, 0.0)), 3300.0);
        assert_eq!(seconds(refresh_at(&credential(3600), skew, 1.0)), 3270.0);
    }

    #[test]
    fn a_token_too_short_for_the_skew_is_renewed_at_half_its_life() {
        assert_eq!(seconds(refresh_at(&credential(200), Duration::from_secs(300), 0.7)), 100.0);
    }

    #[test]
    fn pauses_double_up_to_a_minute() {
        let idle: Vec<u64> = (1..=8)
            .map(|consecutive_failures| {
                backoff(Severity::Transient, consecutive_failures, 0.0).idle.as_millis() as u64
            })
            .collect();
        assert_eq!(idle, [900, 1800, 3600, 7200, 14400, 28800, 54000, 54000]);
        assert_eq!(backoff(Severity::Permanent, 1, 0.0).idle, Duration::from_millis(4500));
        assert_eq!(backoff(Severity::Transient, u32::MAX, 0.0).idle, Duration::from_secs(54));
    }

    #[test]
    fn a_request_brings_the_next_try_within_five_seconds() {
        for consecutive_failures in 1..20 {
            for severity in [Severity::Transient, Severity::Permanent] {
                let pause = backoff(severity, consecutive_failures, 0.0);
                assert!(pause.on_demand < Duration::from_secs(5) && pause.on_demand <= pause.idle);
            }
        }
    }
}
