//! Connections to upstreams that can take a request, by target, and their way out and back.

use super::connection::{Connection, Http1, Http2, Retirement};
use super::request_body::RequestBody;
use super::target_connections::{Idle, TargetConnections};
use crate::http1::client::Remains;
use crate::model::target::Target;
use crate::tasks::Tasks;
use rustix::process::{Resource, getrlimit};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// The most connections kept in all while one of them is unused. Fewer would make 2,000 busy callers of one upstream open
/// a connection for every second request.
const MAX_KEPT: usize = 2048;
/// The part of the files that the process may open, where that is less: callers that name many upstreams must not use up
/// what others need. Connections to upstreams have at least a quarter, used and unused together.
const SHARE_OF_FILES: u64 = 5;

/// How many connections are kept to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolStats {
    /// Where they lead.
    pub target: Target,
    /// Those of HTTP/1.1, each unused.
    pub http1: usize,
    /// Those of HTTP/2, which requests may be using.
    pub http2: usize,
}

/// Connections that can take a request. Cloning is cheap and gives the same pool.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    idle_timeout: Duration,
    max_kept: usize,
    /// The tasks that finish what is still being sent.
    tasks: Tasks,
    unused: Mutex<IdleConnections>,
}

/// A pool that others keep open.
pub struct WeakPool(Weak<Inner>);

impl WeakPool {
    /// The pool, unless it is gone.
    pub fn upgrade(&self) -> Option<Pool> {
        self.0.upgrade().map(Pool)
    }
}

#[derive(Default)]
struct IdleConnections {
    by_target: HashMap<Target, TargetConnections>,
    /// How many connections there are, those of HTTP/2 in use among them.
    kept: usize,
}

impl Pool {
    /// An empty pool whose connections [`Pool::drop_expired`] closes after this long without use.
    pub fn new(idle_timeout: Duration, tasks: &Tasks) -> Self {
        let inner = Inner {
            idle_timeout,
            max_kept: MAX_KEPT.min(share_of_files()),
            tasks: tasks.clone(),
            unused: Mutex::default(),
        };
        Self(Arc::new(inner))
    }

    /// The same pool, without keeping it open.
    pub fn downgrade(&self) -> WeakPool {
        WeakPool(Arc::downgrade(&self.0))
    }

    /// Closes what has been unused for too long.
    pub fn drop_expired(&self) {
        self.0.unused().drop_expired(self.0.idle_timeout);
    }

    /// A connection to this target that was open a moment ago, and that can take a request with a body if this one has any.
    pub fn checkout(&self, target: &Target, has_body: bool) -> Option<Connection> {
        self.0.unused().change(target, |connections| connections.checkout(has_body))?
    }

    /// The connections kept, by target and in no order.
    pub fn overview(&self) -> Vec<PoolStats> {
        let unused = self.0.unused();
        let with_any = unused.by_target.iter().filter(|(_, connections)| connections.kept() > 0);
        let kept = with_any.map(|(target, connections)| PoolStats {
            target: target.clone(),
            http1: connections.http1.len(),
            http2: connections.http2.len(),
        });
        kept.collect()
    }

    /// Makes a new connection known: one that speaks HTTP/2 can be used by others while it is in use.
    pub fn opened(&self, target: &Target, connection: &Connection) {
        let (mut unused, since) = (self.0.unused(), Instant::now());
        match connection {
            Connection::Http1(_) => unused.connections(target.clone()).http1_seen = Some(since),
            Connection::Http2(connection) => {
                if unused.kept >= self.0.max_kept {
                    unused.close_one();
                }
                let connections = unused.connections(target.clone());
                connections.http1_seen = None;
                connections.http2.push(Idle { connection: connection.clone(), since });
                unused.kept += 1;
            }
        }
    }

    /// Whether the target was found to speak HTTP/1.1 not long ago, so that a connection to it serves one request.
    pub fn speaks_http1(&self, target: &Target) -> bool {
        self.0.unused().by_target.get(target).is_some_and(|connections| connections.http1_seen.is_some())
    }

    /// Gives no further request to what may have died with a connection on which a request was written at this moment and
    /// nothing has come since: HTTP/1.1 connections unused since before, and HTTP/2 ones that have been silent as long.
    pub fn doubt(&self, target: &Target, since: Instant) {
        self.0.unused().change(target, |connections| connections.doubt(since));
    }

    /// The same where the caller of that request has hung up, if that or earlier hang-ups make it likely.
    pub fn hung_up(&self, target: &Target, since: Instant) {
        self.0.unused().change(target, |connections| connections.hung_up(since));
    }

    /// Closes one unused connection. Answers whether there was one.
    pub fn close_one_unused(&self) -> bool {
        self.0.unused().close_one()
    }

    /// What brings a connection back once its response has been read.
    pub fn pooled(&self, target: &Target, part: ConnectionState) -> PooledConnection {
        PooledConnection { pool: self.clone(), target: target.clone(), part }
    }

    fn checkin(&self, target: Target, mut connection: Http1) {
        let since = Instant::now();
        if !connection.is_good(since, since) {
            return;
        }
        let mut unused = self.0.unused();
        if unused.kept >= self.0.max_kept {
            unused.close_one();
        }
        let connections = unused.connections(target);
        connections.http1_seen = Some(since);
        connections.http1.push(Idle { connection, since });
        unused.kept += 1;
    }
}

fn share_of_files() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files / SHARE_OF_FILES).unwrap_or(usize::MAX)
}

impl IdleConnections {
    fn connections(&mut self, target: Target) -> &mut TargetConnections {
        self.by_target.entry(target).or_default()
    }

    /// Changes the connections to a target, if there are any.
    fn change<T>(&mut self, target: &Target, change: impl FnOnce(&mut TargetConnections) -> T) -> Option<T> {
        let connections = self.by_target.get_mut(target)?;
        let before = connections.kept();
        let outcome = change(connections);
        self.kept = (self.kept + connections.kept()).saturating_sub(before);
        Some(outcome)
    }

    /// Closes one unused connection, whichever is found first: with so many upstreams none is likelier to be needed. Answers
    /// whether there was one.
    fn close_one(&mut self) -> bool {
        let is_closed = self.by_target.values_mut().any(TargetConnections::close_one);
        self.kept -= usize::from(is_closed);
        is_closed
    }

    fn count(&mut self) {
        self.kept = self.by_target.values().map(TargetConnections::kept).sum();
    }

    fn drop_expired(&mut self, idle_timeout: Duration) {
        let now = Instant::now();
        let expired = |since: Instant| now.duration_since(since) >= idle_timeout;
        self.by_target.retain(|_, connections| {
            connections.drop_expired(now, expired);
            connections.kept() > 0 || connections.http1_seen.is_some()
        });
        self.count();
    }
}

impl Inner {
    fn unused(&self) -> MutexGuard<'_, IdleConnections> {
        // A panic elsewhere cannot have left the connections half changed, and the count is made anew with every sweep.
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. Dropping it closes an HTTP/1.1 connection, as its response was not read to the end.
pub struct PooledConnection {
    pool: Pool,
    target: Target,
    part: ConnectionState,
}

/// What a request has of a connection, besides the response itself.
pub enum ConnectionState {
    /// All of it, until then.
    Http1(Retirement),
    /// A part in it, which ends when this is dropped. `None` where the whole connection has ended.
    Http2(Option<Http2>),
}

impl PooledConnection {
    /// Gives back what remains of the connection. Where the request on it is still being sent, that goes on, and the
    /// connection ends with it: it may never end.
    pub fn give_back(self, remains: Remains<RequestBody>) {
        match (self.part, remains) {
            (ConnectionState::Http1(retirement), Remains::Connection(connection)) => {
                self.pool.checkin(self.target, Http1 { connection, retirement });
            }
            (ConnectionState::Http1(_), Remains::Upload(upload)) => {
                self.pool.0.tasks.spawn(upload.finish());
            }
            (ConnectionState::Http1(_), Remains::Nothing) | (ConnectionState::Http2(_), _) => {}
        }
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
