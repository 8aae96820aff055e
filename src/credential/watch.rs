//! What goes wrong without an error: a clock that is set, and a refresher that does not come to its next step.

use crate::clock::Timestamp;
use crate::diagnostics::DiagnosticCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(30);
/// From here on a jump is told, in seconds: less is a clock that is kept right.
const TOLERANCE: f64 = 30.0;

/// Remembers what the clock said when it was looked at last.
pub(super) struct Watch(Mutex<Timestamp>);

impl Watch {
    pub(super) fn new(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    pub(super) async fn pause(&self) {
        sleep(EVERY).await;
    }

    /// One line where the wall's clock was set, or the machine suspended, since the last look.
    pub(super) fn look_at_the_clock(&self, now: Timestamp) {
        let before = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), now);
        let jump = now.jump_since(before);
        if jump.abs() < TOLERANCE {
            return;
        }
        tracing::warn!(
            code = DiagnosticCode::ClockJumped.code(),
            see = DiagnosticCode::ClockJumped.see(),
            jumped_s = jump.round() as i64,
            "the clock was set, or the machine suspended: tokens are served no longer than their life, and fetched again where that may be over"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;
    use tokio::time::Instant;

    #[test]
    fn a_jump_is_what_the_clocks_do_not_have_in_common() {
        let then =
            Timestamp { wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000), tick: Instant::now() };
        let later = then.after(Duration::from_secs(30));
        assert_eq!(later.jump_since(then), 0.0);
        let hour = Duration::from_secs(3600);
        assert_eq!(Timestamp { wall: later.wall + hour, ..later }.jump_since(then), 3600.0);
        assert_eq!(Timestamp { wall: later.wall - hour, ..later }.jump_since(then), -3600.0);
    }
}
