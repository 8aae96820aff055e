//! One connection to an upstream: what it speaks, and until when it is given to further requests.

use super::body::RequestBody;
use crate::http1;
use hyper::client::conn::http2;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The longest that a connection is given to further requests. Then the name is looked up again, so that an upstream
/// that moves is followed within five minutes, whatever the traffic. A request in progress takes the time it takes.
const LIFETIME: Duration = Duration::from_secs(300);
/// The part of it that chance may take away, so that connections opened together do not end together.
const SPREAD: f64 = 0.1;

/// A connection to an upstream on which a request can be sent.
pub enum Connection {
    /// One request at a time.
    Http1(Http1),
    /// Many requests at a time: clones of it are in use at once.
    Http2(Http2),
}

/// A connection that carries one request at a time.
pub struct Http1 {
    /// Sends the request.
    pub connection: http1::client::Connection,
    /// When it is no longer given to further requests.
    pub retirement: Retirement,
}

impl Http1 {
    /// A connection that has just been opened.
    pub fn new(stream: Box<dyn http1::Stream>) -> Self {
        Self { connection: http1::client::Connection::new(stream), retirement: Retirement::of_new() }
    }

    /// Whether another request may be sent, as far as can be told.
    pub fn is_good(&mut self) -> bool {
        !self.retirement.is_due() && self.connection.is_silent()
    }
}

/// A part in a connection that carries many requests. It counts as one of them until it is dropped.
#[derive(Clone)]
pub struct Http2 {
    /// Sends a request.
    pub sender: http2::SendRequest<RequestBody>,
    shared: Arc<Shared>,
}

struct Shared {
    retirement: Retirement,
    turned_away: AtomicBool,
    most_streams: Arc<AtomicUsize>,
}

impl Http2 {
    /// A connection that has just been opened. Whoever drives it keeps `most_streams` at what the upstream allows.
    pub fn new(sender: http2::SendRequest<RequestBody>, most_streams: Arc<AtomicUsize>) -> Self {
        let (retirement, turned_away) = (Retirement::of_new(), AtomicBool::new(false));
        Self { sender, shared: Arc::new(Shared { retirement, turned_away, most_streams }) }
    }

    /// Whether another request may be sent, as far as can be told.
    pub fn is_good(&self) -> bool {
        let turned_away = self.shared.turned_away.load(Ordering::Relaxed);
        !self.sender.is_closed() && !self.shared.retirement.is_due() && !turned_away
    }

    /// Whether the upstream takes another request beside those that have a part in this connection, this one aside
    /// (`SETTINGS_MAX_CONCURRENT_STREAMS`, RFC 9113, section 6.5.2).
    pub fn has_room(&self) -> bool {
        self.others() < self.shared.most_streams.load(Ordering::Relaxed)
    }

    /// How many other parts there are.
    pub fn others(&self) -> usize {
        Arc::strong_count(&self.shared) - 1
    }

    /// Notes that the upstream takes no further requests here, for everybody who has a part in it.
    pub fn turn_away(&self) {
        self.shared.turned_away.store(true, Ordering::Relaxed);
    }
}

/// When a connection is no longer given to further requests.
#[derive(Clone, Copy)]
pub struct Retirement(Instant);

impl Retirement {
    fn of_new() -> Self {
        Self(Instant::now() + LIFETIME.mul_f64(1.0 - SPREAD * fastrand::f64()))
    }

    fn is_due(&self) -> bool {
        self.0 <= Instant::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_retired_within_five_minutes_and_not_together_with_others() {
        let retirements: Vec<Retirement> = (0..200).map(|_| Retirement::of_new()).collect();
        let due = || retirements.iter().filter(|retirement| retirement.is_due()).count();
        advance(Duration::from_secs(269)).await;
        assert_eq!(due(), 0);
        advance(Duration::from_secs(16)).await;
        // Of 200 spread over half a minute, it would take a miracle that all are on the same side of the middle.
        assert!((1..200).contains(&due()), "{} are due", due());
        advance(Duration::from_secs(15)).await;
        assert_eq!(due(), 200);
    }
}
