//! The pools of all routes, which share the limit of open files.

use super::pool::{Pool, PoolStats, WeakPool};
use crate::tasks::Tasks;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::time::interval;

/// How often connections that have been unused for too long are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// The pools of all routes. Each lives as long as its route. Cloning is cheap and gives the same.
#[derive(Clone)]
pub struct Pools(Arc<Inner>);

struct Inner {
    tasks: Tasks,
    open: Mutex<Vec<WeakPool>>,
}

impl Pools {
    /// No pool yet. One task, which belongs to this group as all tasks of the pools, looks after them.
    pub fn new(tasks: &Tasks) -> Self {
        let inner = Arc::new(Inner { tasks: tasks.clone(), open: Mutex::default() });
        let swept = Arc::downgrade(&inner);
        tasks.supervise(move || sweep(swept.clone()));
        Self(inner)
    }

    /// Another pool, whose connections are closed after this long without use.
    pub fn open(&self, idle_timeout: Duration) -> Pool {
        let pool = Pool::new(idle_timeout, &self.0.tasks);
        self.0.change(|open| open.push(pool.downgrade()));
        pool
    }

    /// Closes one unused connection of any pool. Answers whether there was one.
    pub fn close_one_unused(&self) -> bool {
        self.0.pools().iter().any(Pool::close_one_unused)
    }

    /// The connections kept, by target and in no order. A target of several routes appears once for each.
    pub fn overview(&self) -> Vec<PoolStats> {
        self.0.pools().iter().flat_map(Pool::overview).collect()
    }
}

impl Inner {
    fn pools(&self) -> Vec<Pool> {
        self.change(|open| open.iter().filter_map(WeakPool::upgrade).collect())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<WeakPool>) -> T) -> T {
        // Every change is a single call, so a panic elsewhere cannot have left it half done.
        change(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Closes what has been unused for too long, and forgets pools that are gone, until nothing opens pools any more.
async fn sweep(inner: Weak<Inner>) {
    let mut ticks = interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        inner.pools().iter().for_each(Pool::drop_expired);
        inner.change(|open| open.retain(|pool| pool.upgrade().is_some()));
    }
}
