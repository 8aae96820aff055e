//! Tracked spawning, so that whoever started tasks can wait for them, and end them.

use std::future::Future;
use std::pin::Pin;
use tokio::runtime::{Handle, RuntimeMetrics};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// A group of tasks. Cloning is cheap and gives the same group.
#[derive(Clone, Debug, Default)]
pub struct Tasks(TaskTracker);

impl Tasks {
    /// Starts a task that [`Tasks::finished`] waits for.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.spawn_boxed(Box::pin(task))
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
