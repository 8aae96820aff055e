//! How many files the process may open. Containers get a soft limit of 1024 files and a much higher hard one (containerd
//! 2.0), and each caller takes a file or two.

use crate::diagnostics::DiagnosticCode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::num::NonZeroUsize;

/// The most files that are asked for. Programs that attache starts, such as a `credential_process`, inherit the limit, and
/// some close every file up to it, one by one.
const MAX_FILES: u64 = 1 << 20;
/// Files for what is not callers or upstreams: listeners, the admin listener's connections, name look-ups, logs, tokens,
/// TLS files.
const KEPT_BACK: u64 = 128;

/// Raises the soft limit of open files to the hard one, and logs it.
pub fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(MAX_FILES).min(MAX_FILES);
    let Some(before) = current.filter(|current| *current < wanted) else { return };
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => tracing::info!(before, now = wanted, "limit of open files raised"),
        Err(error) => tracing::warn!(
            code = DiagnosticCode::FileLimit.code(),
            see = DiagnosticCode::FileLimit.see(),
            limit = before,
            wanted,
            %error,
            "the limit of open files cannot be raised"
        ),
    }
}

/// The most callers' connections that the limit of open files leaves room for; `None` without a limit. Each caller may need
/// a connection to an upstream, so this is half of what is not kept back.
pub fn max_connections() -> Option<NonZeroUsize> {
    at_most(room(getrlimit(Resource::Nofile).current?) / 2)
}

/// The most connections to upstreams, used and unused together, beside callers whose own bound is this where the operator
/// chose one; `None` without a limit. They get what callers leave, and at least half of what is not kept back.
pub fn max_upstream_connections(callers: Option<NonZeroUsize>) -> Option<NonZeroUsize> {
    at_most(beside(callers, room(getrlimit(Resource::Nofile).current?)))
}

fn room(limit: u64) -> u64 {
    limit.saturating_sub(KEPT_BACK.min(limit / 2))
}

fn beside(callers: Option<NonZeroUsize>, room: u64) -> u64 {
    let left = callers.map(|callers| room.saturating_sub(callers.get() as u64));
    left.unwrap_or_default().max(room / 2)
}

/// At least one. A limit beyond what fits is none.
fn at_most(connections: u64) -> Option<NonZeroUsize> {
    usize::try_from(connections).ok().map(|most| NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_get_half_of_what_is_not_kept_back() {
        for (limit, callers) in [(0, 1), (40, 10), (256, 64), (1024, 448), (524_288, 262_080)] {
            assert_eq!(at_most(room(limit) / 2).map(NonZeroUsize::get), Some(callers), "{limit}");
        }
    }

    #[test]
    fn upstreams_get_what_callers_leave_and_at_least_half() {
        for (callers, upstreams) in [(None, 448), (Some(100), 796), (Some(448), 448), (Some(5000), 448)] {
            let callers = callers.and_then(NonZeroUsize::new);
            assert_eq!(beside(callers, room(1024)), upstreams, "{callers:?}");
        }
    }
}
