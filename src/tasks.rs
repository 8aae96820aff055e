//! Tracked spawning, so that whoever started tasks can wait for them, and end them.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeMetrics};
use tokio::task::JoinHandle;
use tokio::time::sleep;
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
    use std::sync::Arc;
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
}
