//! How far the machine's clock is from AWS's, read from the `Date` of every answer.

use crate::clock::Clock;
use crate::diagnostics::DiagnosticCode;
use aws_sdk_sts::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sts::error::BoxError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// From here on the mismatch is no rounding and no delay, so expiries are converted and the operator is told.
const TOLERANCE: i64 = 30;

/// The mismatch between two clocks. Cloning is cheap and gives the same measurement.
#[derive(Clone, Debug)]
pub(super) struct Skew(Arc<State>);

#[derive(Debug)]
struct State {
    clock: Clock,
    /// Seconds by which AWS's clock is ahead.
    ahead: AtomicI64,
    measured: AtomicBool,
    told: AtomicBool,
}

impl Skew {
    pub(super) fn new(clock: Clock) -> Self {
        Self(Arc::new(State {
            clock,
            ahead: AtomicI64::new(0),
            measured: AtomicBool::new(false),
            told: AtomicBool::new(false),
        }))
    }

    /// Seconds by which AWS's clock is ahead of this machine's; negative when it is behind. `None` before any answer.
    pub(super) fn seconds(&self) -> Option<i64> {
        self.0.measured.load(Ordering::Relaxed).then(|| self.0.ahead.load(Ordering::Relaxed))
    }

    /// A moment of AWS's clock as this machine's clock will show it.
    pub(super) fn as_seen_here(&self, moment: SystemTime) -> SystemTime {
        let ahead = self.0.ahead.load(Ordering::Relaxed);
        if ahead.abs() < TOLERANCE {
            return moment;
        }
        let distance = Duration::from_secs(ahead.unsigned_abs());
        let seen = if ahead > 0 { moment.checked_sub(distance) } else { moment.checked_add(distance) };
        seen.unwrap_or(moment)
    }

    fn measure(&self, date: &str) {
        let Ok(date) = OffsetDateTime::parse(date, &Rfc2822) else { return };
        let ahead = (date - OffsetDateTime::from(self.0.clock.now())).whole_seconds();
        self.0.ahead.store(ahead, Ordering::Relaxed);
        self.0.measured.store(true, Ordering::Relaxed);
        let wrong = ahead.abs() >= TOLERANCE;
        if self.0.told.swap(wrong, Ordering::Relaxed) == wrong {
            return;
        }
        if wrong {
            tracing::warn!(
                code = DiagnosticCode::ClockSkew.code(),
                see = DiagnosticCode::ClockSkew.see(),
                clock_skew_s = ahead,
                hint =
                    "set the machine's clock by NTP: upstreams that check iat or exp may refuse the tokens",
                "this machine's clock differs from AWS's"
            );
        } else {
            tracing::info!(clock_skew_s = ahead, "this machine's clock agrees with AWS's again");
        }
    }
}

impl Intercept for Skew {
    fn name(&self) -> &'static str {
        "Skew"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.measure(date);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_clock_shifts_expiries_and_a_rounded_date_does_not() {
        // 1970-01-01T00:20:00Z.
        let skew = Skew::new(Clock::by_timer(after(1200)));
        assert_eq!(skew.seconds(), None);
        for (date, ahead, seen) in [
            ("Thu, 01 Jan 1970 00:20:02 GMT", 2, 5000),
            ("Thu, 01 Jan 1970 00:30:00 GMT", 600, 4400),
            ("Thu, 01 Jan 1970 00:10:00 GMT", -600, 5600),
            ("yesterday", -600, 5600),
            ("Thu, 01 Jan 1970 00:20:00 GMT", 0, 5000),
        ] {
            skew.measure(date);
            assert_eq!(
                (skew.seconds(), skew.as_seen_here(after(5000))),
                (Some(ahead), after(seen)),
                "{date}"
            );
        }
    }
}
