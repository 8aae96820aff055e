//! The connections to one upstream that can take a request, and which of them takes it.

use super::connection::{Connection, Http1, Http2};
use std::time::Duration;
use tokio::time::Instant;

/// How many connections of HTTP/2 to one upstream that reads uploads are kept for requests with a body, although their windows
/// are used up at that time.
const MAX_USED_UP: usize = 4;

/// How long a caller has to wait before its hanging up says something of the connection. Callers that cancel sooner would
/// close connections that are well, unless others hang up too and nothing comes for as long.
const SUSPICIOUS_AFTER: Duration = Duration::from_secs(1);
/// How far apart hang-ups are that say nothing together.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// What is kept.
#[derive(Default)]
pub(super) struct TargetConnections {
    /// The last one back is the first one out, so that few connections stay warm and the others can go.
    pub(super) http1: Vec<Idle<Http1>>,
    /// More than one only where the upstream takes no more requests on the first, or no more of their bodies.
    pub(super) http2: Vec<Idle<Http2>>,
    /// When a connection was last found to speak HTTP/1.1.
    pub(super) http1_seen: Option<Instant>,
    /// The requests whose callers have hung up after less.
    hang_ups: Option<HangUps>,
}

/// Requests without an answer whose callers have hung up, one after the other.
struct HangUps {
    /// When the first was sent.
    since: Instant,
    last: Instant,
}

/// A connection, and when it was last used.
pub(super) struct Idle<C> {
    pub(super) connection: C,
    pub(super) since: Instant,
}

impl TargetConnections {
    /// How many there are.
    pub(super) fn kept(&self) -> usize {
        self.http1.len() + self.http2.len()
    }

    /// A connection for a request.
    pub(super) fn checkout(&mut self, has_body: bool) -> Option<Connection> {
        let now = Instant::now();
        self.http2.retain(|idle| idle.connection.is_good(now));
        if let Some(idle) = self.shared(has_body, now) {
            idle.since = now;
            return Some(Connection::Http2(idle.connection.clone()));
        }
        while let Some(mut idle) = self.http1.pop() {
            if idle.connection.is_good(now, idle.since) {
                return Some(Connection::Http1(idle.connection));
            }
        }
        None
    }

    /// The HTTP/2 connection for a request. A request with a body needs one on which other uploads have left some of the window,
    /// or which is the best of as many as there may be while their windows are used up again and again.
    fn shared(&mut self, has_body: bool, now: Instant) -> Option<&mut Idle<Http2>> {
        let is_open = |idle: &&mut Idle<Http2>| !has_body || idle.connection.window().is_open();
        let moves = |idle: &Idle<Http2>| !idle.connection.window().is_stalled(now);
        let are_many = self.http2.iter().filter(|idle| moves(idle)).count() >= MAX_USED_UP;
        let with_room = self.http2.iter_mut().filter(|idle| idle.connection.has_room());
        let usable = with_room.filter(|idle| is_open(idle) || are_many && moves(idle));
        usable.min_by_key(|idle| !is_open(idle))
    }

    /// Gives no further request to what may have died since this moment.
    pub(super) fn doubt(&mut self, since: Instant) {
        self.http1.retain(|idle| idle.since >= since);
        let silent = self.http2.iter().filter(|idle| !idle.connection.heard().is_since(since));
        silent.for_each(|idle| idle.connection.stream().turn_away());
    }

    /// Notes that the caller of a request that was sent at this moment has hung up without an answer.
    pub(super) fn hung_up(&mut self, since: Instant) {
        let now = Instant::now();
        if now.duration_since(since) >= SUSPICIOUS_AFTER {
            return self.doubt(since);
        }
        let before = self.hang_ups.take().filter(|before| now.duration_since(before.last) < FORGOTTEN_AFTER);
        let since = before.map_or(since, |before| before.since.min(since));
        if now.duration_since(since) < SUSPICIOUS_AFTER {
            self.hang_ups = Some(HangUps { since, last: now });
        } else if self.http1.iter().all(|idle| idle.since < since) {
            // An HTTP/2 connection says itself that something has come on it.
            self.doubt(since);
        }
    }

    /// Closes what has been unused for too long.
    pub(super) fn drop_expired(&mut self, now: Instant, expired: impl Fn(Instant) -> bool) {
        self.http1.retain_mut(|idle| !expired(idle.since) && idle.connection.is_good(now, idle.since));
        self.http2.retain_mut(|idle| {
            if idle.connection.others() > 0 {
                idle.since = now;
            }
            !expired(idle.since) && idle.connection.is_good(now)
        });
        self.http1_seen = self.http1_seen.filter(|seen| !expired(*seen));
    }

    /// Closes an unused connection, if there is one: that of HTTP/1.1 which is unused for longest.
    pub(super) fn close_one(&mut self) -> bool {
        if !self.http1.is_empty() {
            self.http1.remove(0);
            return true;
        }
        let unused = self.http2.iter().position(|idle| idle.connection.others() == 0);
        unused.map(|at| self.http2.swap_remove(at)).is_some()
    }
}
