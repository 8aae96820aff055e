//! Finds out how many threads the system lets this process start (`RLIMIT_NPROC`, a cgroup's `pids.max`). With fewer
//! threads than configured the runtime panics, and leaves a process that neither serves nor ends.

use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread;

/// The threads besides the workers: for metrics, files, name look-ups and telemetry.
const BESIDES: usize = 4;

/// The process can start too few threads.
#[derive(Debug, thiserror::Error)]
#[error("the system lets this process start {startable} more threads, and {} are needed", BESIDES + 1)]
pub(super) struct TooFew {
    startable: usize,
}

impl TooFew {
    /// What to do about it: raise the limit.
    pub(super) const HINT: &str =
        "raise the limit on processes: pids of the container, TasksMax of the unit, or ulimit -u";
}

/// The number of workers: `wanted`, or as many as can run beside the other threads.
///
/// # Errors
/// When no worker can run.
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

/// Counts how many of `most` threads can run at once. These threads have ended when this function returns.
fn startable(most: usize) -> usize {
    let started: Vec<_> = (0..most)
        .map_while(|_| {
            let (end, ended) = mpsc::channel::<()>();
            // Receiving fails when the sender is dropped, which ends the thread.
            let thread = thread::Builder::new().spawn(move || ended.recv().is_ok()).ok()?;
            Some((end, thread))
        })
        .collect();
    let count = started.len();
    let (ends, threads): (Vec<_>, Vec<thread::JoinHandle<bool>>) = started.into_iter().unzip();
    drop(ends);
    for thread in threads {
        // These threads cannot panic.
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
