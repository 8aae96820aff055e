//! Connections to upstreams that are not in use, by target, and their way out and back.

use super::body::{RequestBody, Sent};
use super::target::Target;
use crate::tasks::Tasks;
use hyper::client::conn::{http1, http2};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{Instant, interval};

/// The most unused HTTP/1.1 connections kept in all, so that callers who name many upstreams cannot use up the
/// process's file descriptors. Fewer would make 2,000 busy callers of one upstream open a connection for every second
/// request.
const MOST_IDLE: usize = 2048;
/// How often connections that have been unused for too long are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// A connection to an upstream on which a request can be sent.
pub enum Connection {
    /// One request at a time.
    Http1(http1::SendRequest<RequestBody>),
    /// Many requests at a time, so that clones of it are in use at once.
    Http2(http2::SendRequest<RequestBody>),
}

/// Unused connections. Cloning is cheap and gives the same pool.
#[derive(Clone)]
pub struct Pool(Arc<Shelves>);

struct Shelves {
    idle_timeout: Duration,
    unused: Mutex<Unused>,
}

#[derive(Default)]
struct Unused {
    by_target: HashMap<Target, Shelf>,
    /// How many HTTP/1.1 connections the shelves hold.
    http1: usize,
}

#[derive(Default)]
struct Shelf {
    /// The last one back is the first one out, so that few connections stay warm and the others can go.
    http1: Vec<Idle<http1::SendRequest<RequestBody>>>,
    http2: Option<Idle<http2::SendRequest<RequestBody>>>,
}

struct Idle<S> {
    sender: S,
    since: Instant,
}

impl Pool {
    /// An empty pool whose connections are closed after this long without use.
    pub fn new(idle_timeout: Duration, tasks: &Tasks) -> Self {
        let shelves = Arc::new(Shelves { idle_timeout, unused: Mutex::default() });
        tasks.spawn(sweep(Arc::downgrade(&shelves)));
        Self(shelves)
    }

    /// A connection to this target that was open a moment ago.
    pub fn take(&self, target: &Target) -> Option<Connection> {
        let mut unused = self.0.unused();
        let Unused { by_target, http1 } = &mut *unused;
        let shelf = by_target.get_mut(target)?;
        if let Some(idle) = &mut shelf.http2 {
            if !idle.sender.is_closed() {
                idle.since = Instant::now();
                return Some(Connection::Http2(idle.sender.clone()));
            }
            shelf.http2 = None;
        }
        while let Some(idle) = shelf.http1.pop() {
            *http1 = http1.saturating_sub(1);
            if !idle.sender.is_closed() {
                return Some(Connection::Http1(idle.sender));
            }
        }
        None
    }

    /// What brings this connection back once its response has been read.
    pub fn lease(&self, target: &Target, connection: Connection, sent: Sent) -> Lease {
        Lease { pool: self.clone(), target: target.clone(), connection, sent }
    }

    fn put(&self, target: Target, connection: Connection) {
        let mut unused = self.0.unused();
        let since = Instant::now();
        match connection {
            Connection::Http1(sender) => {
                if unused.http1 >= MOST_IDLE {
                    unused.drop_one();
                }
                let Unused { by_target, http1 } = &mut *unused;
                let shelf = by_target.entry(target).or_default();
                shelf.http1.push(Idle { sender, since });
                *http1 += 1;
            }
            Connection::Http2(sender) => {
                let shelf = unused.by_target.entry(target).or_default();
                if shelf.http2.as_ref().is_none_or(|idle| idle.sender.is_closed()) {
                    shelf.http2 = Some(Idle { sender, since });
                }
            }
        }
    }

    /// Makes a new HTTP/2 connection known at once, because others can use it while it is in use.
    pub fn share(&self, target: &Target, sender: &http2::SendRequest<RequestBody>) {
        self.put(target.clone(), Connection::Http2(sender.clone()));
    }
}

impl Unused {
    /// Closes one connection, whichever is found first: with so many upstreams none is likelier to be needed.
    fn drop_one(&mut self) {
        if let Some(shelf) = self.by_target.values_mut().find(|shelf| !shelf.http1.is_empty()) {
            shelf.http1.remove(0);
            self.http1 = self.http1.saturating_sub(1);
        }
    }

    fn drop_expired(&mut self, idle_timeout: Duration) {
        let expired = |since: Instant| since.elapsed() >= idle_timeout;
        self.by_target.retain(|_, shelf| {
            shelf.http1.retain(|idle| !expired(idle.since) && !idle.sender.is_closed());
            if shelf.http2.as_ref().is_some_and(|idle| expired(idle.since) || idle.sender.is_closed()) {
                shelf.http2 = None;
            }
            !shelf.http1.is_empty() || shelf.http2.is_some()
        });
        self.http1 = self.by_target.values().map(|shelf| shelf.http1.len()).sum();
    }
}

impl Shelves {
    fn unused(&self) -> MutexGuard<'_, Unused> {
        // A panic elsewhere cannot have left a shelf half changed, and the count is made anew with every sweep.
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what has been unused for too long, until the pool is gone.
async fn sweep(shelves: Weak<Shelves>) {
    let mut ticks = interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        match shelves.upgrade() {
            Some(shelves) => shelves.unused().drop_expired(shelves.idle_timeout),
            None => return,
        }
    }
}

/// A connection in use. Dropping it closes an HTTP/1.1 connection, as its response was not read to the end.
pub struct Lease {
    pool: Pool,
    target: Target,
    connection: Connection,
    sent: Sent,
}

impl Lease {
    /// Gives the connection back, unless the request on it is still being sent: it may never end.
    pub fn give_back(self) {
        if self.sent.is_finished() {
            self.pool.put(self.target, self.connection);
        }
    }
}
