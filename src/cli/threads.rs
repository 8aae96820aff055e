//! How many threads the system lets this process start (`RLIMIT_NPROC`, a cgroup's `pids.max`). The runtime cannot do with
//! fewer than it was told of: it panics, and leaves a process that neither serves nor ends.

use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread;

/// Threads besides the workers: for metrics, files, look-ups of names and telemetry.
const BESIDES: usize = 4;

/// The process cannot be run with so few threads.
#[derive(Debug, thiserror::Error)]
#[error("the system lets this process start {startable} more threads, and {} are needed", BESIDES + 1)]
pub(super) struct TooFew {
    startable: usize,
}

impl TooFew {
    /// What to do about it.
    pub(super) const HINT: &str =
        "raise the limit on processes: pids of the container, TasksMax of the unit, or ulimit -u";
}

/// So many workers, or as many as can be started beside the other threads.
///
/// # Errors
/// When there is room for no worker.
pub(super) fn workers(wanted: NonZeroUsize) -> Result<NonZeroUsize, TooFew> {
    let startable = startable(wanted.get() + BESIDES);
    let workers = NonZeroUsize::new(startable.saturating_sub(BESIDES)).ok_or(TooFew { startable })?;
    if workers < wanted {
        tracing::info!(
            workers,
            worker_threads = wanted,
            "fewer workers than --worker-threads: the system lets this process start no more threads"
        );
    }
    Ok(workers)
}

/// How many of so many threads can be alive at once. They have ended when this returns.
fn startable(most: usize) -> usize {
    let started: Vec<_> = (0..most)
        .map_while(|_| {
            let (end, ended) = mpsc::channel::<()>();
            // It fails when the sender is dropped, which is what ends the thread.
            let thread = thread::Builder::new().spawn(move || ended.recv().is_ok()).ok()?;
            Some((end, thread))
        })
        .collect();
    let count = started.len();
    let (ends, threads): (Vec<_>, Vec<thread::JoinHandle<bool>>) = started.into_iter().unzip();
    drop(ends);
    for thread in threads {
        // It cannot have panicked.
        let _ = thread.join();
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_limit_all_can_be_started() {
        assert_eq!(startable(20), 20);
        assert_eq!(workers(NonZeroUsize::MIN).unwrap(), NonZeroUsize::MIN);
    }
}
