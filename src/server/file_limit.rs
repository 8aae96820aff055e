//! The limit of open files. Containers have a soft limit of 1024 files and a much higher hard one (containerd 2.0), and each
//! caller needs one or two files.

use crate::diagnostics::DiagnosticCode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::num::NonZeroUsize;

/// The maximum to which the soft limit is raised. Programs that attache starts, such as a `credential_process`, inherit the
/// limit, and some close every file up to it, one by one.
const MAX_FILES: u64 = 1 << 20;
/// The number of files reserved for other purposes than callers and upstreams: listeners, the admin listener's connections, name
/// look-ups, logs, tokens and TLS files.
const RESERVED_FILES: u64 = 128;

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

/// The maximum number of callers' connections that the limit of open files allows; `None` without a limit. Each caller may need a
/// connection to an upstream, so this is half of the files that are not reserved.
pub fn max_connections() -> Option<NonZeroUsize> {
    at_most(room(getrlimit(Resource::Nofile).current?) / 2)
}

/// The maximum number of connections to upstreams, used and unused; `None` without a limit. `callers` is the operator's limit on
/// callers' connections, if there is one. Upstreams get the files that callers leave, and at least half of those not reserved.
pub fn max_upstream_connections(callers: Option<NonZeroUsize>) -> Option<NonZeroUsize> {
    at_most(beside(callers, room(getrlimit(Resource::Nofile).current?)))
}

fn room(limit: u64) -> u64 {
    limit.saturating_sub(RESERVED_FILES.min(limit / 2))
}

fn beside(callers: Option<NonZeroUsize>, room: u64) -> u64 {
    let left = callers.map(|callers| room.saturating_sub(callers.get() as u64));
    left.unwrap_or_default().max(room / 2)
}

/// Converts the number, with at least 1; `None` if it does not fit.
fn at_most(connections: u64) -> Option<NonZeroUsize> {
    usize::try_from(connections).ok().map(|most| NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_get_half_of_the_files_that_are_not_reserved() {
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
