//! Tracked spawning, so that the part that started tasks can wait for them and end them.

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeMetrics};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

/// How long after a panic a supervised task begins again.
const BEGIN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A group of tasks. Cloning is cheap and gives the same group.
#[derive(Clone, Debug, Default)]
pub struct Tasks(TaskTracker);

impl Tasks {
    /// Starts a task that [`Tasks::finished`] waits for.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.spawn_boxed(Box::pin(task))
    }

    /// Starts a task that lives as long as its owner: where it panics, it begins again a second later. The panic has
    /// left its line in the log by then. It ends when the work does.
    pub fn supervise<W>(&self, begin: impl Fn() -> W + Send + 'static) -> JoinHandle<()>
    where
        W: Future<Output = ()> + Send + 'static,
    {
        self.spawn(async move {
            while caught(begin()).await.is_err() {
                sleep(BEGIN_AGAIN_AFTER).await;
            }
        })
    }

    /// The same for all kinds of tasks, as the runtime's code for one kind is 8 KB.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    fn spawn_boxed(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> JoinHandle<()> {
        tokio::spawn(self.0.track_future(task))
    }

    /// How many tasks run.
    pub fn running(&self) -> usize {
        self.0.len()
    }

    /// Waits until no task is left.
    pub async fn finished(&self) {
        self.0.close();
        self.0.wait().await;
    }
}

/// What work did instead of coming to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

/// What the work comes to, or that it panicked. It is dropped then, so nothing of it is seen half done.
///
/// # Errors
/// When it panicked.
pub async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut work = pin!(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}

/// Work that may block its thread although it is asynchronous: libraries read files in such functions, and a pipe or a
/// network file system may hold a read for ever. Each piece has a thread that serves nothing else. Cloning is cheap and
/// shares the bound on the pieces that run.
#[derive(Clone, Debug)]
pub struct BlockingWork(Arc<Semaphore>);

impl BlockingWork {
    /// At most so many pieces at a time.
    pub fn at_most(pieces: usize) -> Self {
        Self(Arc::new(Semaphore::new(pieces)))
    }

    /// Runs the work, after waiting for a free thread. A caller that gives up waiting leaves begun work running, since
    /// a blocked thread cannot be stopped; work that waits without blocking its thread is dropped after `limit`, and
    /// then this never resolves. A panic of the work is a panic here.
    pub async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let permit = self.0.clone().acquire_owned().await;
        let runtime = Handle::current();
        let thread = spawn_blocking(move || {
            let _permit = permit;
            runtime.block_on(timeout(limit, work))
        });
        match thread.await.map_err(JoinError::try_into_panic) {
            Ok(Ok(outcome)) => outcome,
            Err(Ok(panic)) => resume_unwind(panic),
            // The work was dropped, or the runtime ends.
            Ok(Err(_)) | Err(Err(_)) => pending().await,
        }
    }
}

/// The runtime that this is called on, as it counts itself.
///
/// # Panics
/// Outside of a runtime.
pub fn runtime() -> RuntimeMetrics {
    Handle::current().metrics()
}

/// A task that ends with its owner.
#[derive(Debug)]
pub struct Owned(JoinHandle<()>);

impl From<JoinHandle<()>> for Owned {
    fn from(task: JoinHandle<()>) -> Self {
        Self(task)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_supervised_task_begins_again_after_each_panic_and_ends_when_it_is_done() {
        let begun = Arc::new(AtomicU32::new(0));
        let counted = begun.clone();
        let started = Instant::now();
        let task = Tasks::default().supervise(move || {
            let round = counted.fetch_add(1, Ordering::Relaxed);
            async move { assert!(round == 3, "a fault in round {round}") }
        });
        task.await.unwrap();
        assert_eq!(begun.load(Ordering::Relaxed), 4);
        assert_eq!(started.elapsed(), 3 * BEGIN_AGAIN_AFTER);
    }

    #[tokio::test]
    async fn work_that_blocks_its_thread_holds_up_nothing_else_and_is_bounded_in_number() {
        let blocking = BlockingWork::at_most(1);
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let limit = Duration::from_secs(60);
        let first = blocking.run(limit, async move { blocked.recv().is_err() });
        let given_up = timeout(Duration::from_millis(10), first).await;
        assert!(given_up.is_err());
        assert!(timeout(Duration::from_millis(10), blocking.run(limit, async {})).await.is_err());
        drop(release);
        blocking.run(limit, async {}).await;
    }

    #[tokio::test]
    async fn a_panic_of_blocking_work_is_one_of_its_caller() {
        let blocking = BlockingWork::at_most(1);
        let work = blocking.run(Duration::from_secs(60), async { panic!("planted") });
        assert_eq!(caught::<()>(work).await, Err(Panicked));
    }
}
