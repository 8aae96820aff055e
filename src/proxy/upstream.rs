//! Sends one request to its upstream: over a connection from the pool or a new one, within `--upstream-timeout`, and
//! again only where that cannot be a second time.

use super::connection::Connection;
use super::connector::{Connector, Purpose};
use super::error::UpstreamError;
use super::error_log::ErrorLog;
use super::exchange::{SendError, exchange};
use super::headers;
use super::message_error::MessageError;
use super::pool::{Pool, PooledConnection};
use super::pools::Pools;
use super::replay::{Replay, is_invalid_http2, is_unprocessed};
use super::request_body::{RequestBody, Sent};
use super::single_flight::{ConnectSingleFlight, Outcome, Role};
use super::upstream_body::UpstreamBody;
use crate::config::upstream::UpstreamConfig;
use crate::http1::target::{encoded_path_and_query, path_and_query};
use crate::model::target::{Scheme, Target};
use crate::telemetry::traces::Span;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, Request, Response, Uri, Version};
use http_body::Body;
use std::time::Duration;
use tokio::time::sleep;

/// How often a request is sent at most, where an upstream keeps saying that it has not looked at it, or hangs up first.
const MAX_TRIES: usize = 5;

/// How long a connection that is closed for want of files keeps its own: one of HTTP/2 is closed by its own task.
const CLOSED_WITHIN: Duration = Duration::from_millis(20);

/// The largest header of a request that shares a connection, in bytes of names, values and path. Some upstreams answer a
/// larger one by closing its connection, and with it the requests of others: nginx beyond 32 KiB, others sooner.
const MAX_SHARED_HEADER: usize = 16 << 10;

/// Reaches upstreams.
pub struct Upstream {
    connector: Connector,
    single_flight: ConnectSingleFlight,
    pool: Pool,
    pools: Pools,
    timeout: Duration,
    error_log: ErrorLog,
}

/// A connection, and whether it lay in the pool: then it may have been closed there.
struct Acquired {
    connection: Connection,
    kept: bool,
}

impl Upstream {
    /// Reaches upstreams through this connector, waits for responses and keeps connections as long as the configuration says.
    /// What is wrong with connections of which requests are none the worse goes to the error log.
    pub fn new(connector: Connector, pools: &Pools, config: &UpstreamConfig, error_log: ErrorLog) -> Self {
        Self {
            connector,
            single_flight: ConnectSingleFlight::default(),
            pool: pools.open(config.idle_timeout),
            pools: pools.clone(),
            timeout: config.timeout,
            error_log,
        }
    }

    /// Resolves the target and judges its addresses.
    ///
    /// # Errors
    /// When the name does not resolve, or all its addresses are refused.
    pub async fn check(&self, target: &Target) -> Result<(), UpstreamError> {
        self.connector.check(target).await
    }

    /// The upstream's response, and the connection that its body is still on. Within the span of the `call`, connecting
    /// has one of its own.
    ///
    /// # Errors
    /// When no connection can be had, it breaks before the response, or no response header comes in time.
    pub async fn send(
        &self,
        target: &Target,
        request: &mut Request<RequestBody>,
        call: Option<&Span>,
    ) -> Result<(Response<UpstreamBody>, PooledConnection), UpstreamError> {
        let sent = request.body().sent();
        let mut purpose = self.purpose(target, request);
        let mut tries = 0;
        loop {
            let has_body = !request.body().is_end_stream();
            let Acquired { connection, kept } = self.acquire(target, purpose, has_body, call).await?;
            let replay = Replay::of(request, &connection);
            tries += 1;
            address(request, target, &connection);
            frame(request, &connection);
            let answer = exchange(&self.pool, self.timeout, connection, target, request, &sent).await;
            *request.body_mut() = match answer {
                Ok((response, part)) => return Ok((response, self.pool.pooled(target, part))),
                Err(SendError::TimedOut(limit)) => return Err(UpstreamError::ResponseTimeout(limit)),
                // The connection was closed while it lay in the pool, or by what others sent on it: the next may be good.
                Err(SendError::NotSent(body, error)) if kept || tries < MAX_TRIES && !error.is_alert() => {
                    body
                }
                Err(SendError::NotSent(_, error)) => return Err(failure(&sent, error)),
                Err(SendError::MaybeSent(error)) => {
                    let again = is_repeated(&error, purpose, kept, tries);
                    let replayed = match replay.filter(|_| again) {
                        Some(replay) => replay.after(&error).await,
                        None => None,
                    };
                    let Some(body) = replayed else { return Err(failure(&sent, error)) };
                    if is_invalid_http2(&error) {
                        // Another's response may be what was invalid. If it is this one's, it is alone with it now.
                        purpose = Purpose::Dedicated;
                        self.error_log.note(target, &UpstreamError::InvalidHttp2(error));
                    }
                    body
                }
            };
        }
    }

    fn purpose(&self, target: &Target, request: &Request<RequestBody>) -> Purpose {
        if self.connector.opens_alone(request.headers().contains_key(UPGRADE)) {
            Purpose::Switch
        } else if self.connector.may_speak_http2(target) && header_size(request) > MAX_SHARED_HEADER {
            Purpose::Dedicated
        } else {
            Purpose::Any
        }
    }

    /// A connection from the pool, or a new one. Where no file is left for it, an unused one gives its own.
    async fn acquire(
        &self,
        target: &Target,
        purpose: Purpose,
        has_body: bool,
        call: Option<&Span>,
    ) -> Result<Acquired, UpstreamError> {
        if purpose == Purpose::Any
            && let Some(connection) = self.pool.checkout(target, has_body)
        {
            return Ok(Acquired { connection, kept: true });
        }
        match self.acquire_new(target, purpose, has_body, call).await {
            Err(UpstreamError::OutOfFiles) if self.pools.close_one_unused() => {
                sleep(CLOSED_WITHIN).await;
                self.acquire_new(target, purpose, has_body, call).await
            }
            acquired => acquired,
        }
    }

    async fn acquire_new(
        &self,
        target: &Target,
        purpose: Purpose,
        has_body: bool,
        call: Option<&Span>,
    ) -> Result<Acquired, UpstreamError> {
        let acquired = async {
            if purpose == Purpose::Any {
                return self.acquire_shared(target, has_body, call).await;
            }
            let _connecting = call.map(|call| call.child("connect"));
            let connection = self.connector.connect(target, purpose).await?;
            Ok(Acquired { connection, kept: false })
        };
        self.connector.bounded(target, acquired).await.map_err(UpstreamError::or_out_of_files)
    }

    /// A new connection for any request, or one that another request opens meanwhile.
    async fn acquire_shared(
        &self,
        target: &Target,
        has_body: bool,
        call: Option<&Span>,
    ) -> Result<Acquired, UpstreamError> {
        let (mut turn, mut waited) = (None, 0);
        while turn.is_none() && self.connector.may_speak_http2(target) && !self.pool.speaks_http1(target) {
            match self.single_flight.join(target, waited) {
                Role::Leader(opening) => turn = Some(opening),
                Role::Follower(waiting) => match waiting.outcome().await {
                    Outcome::Opened => waited += 1,
                    // Each that waited finds out by itself why, rather than one after the other.
                    Outcome::None => break,
                },
            }
            // While this one waited, or took its turn, another may have finished.
            if let Some(connection) = self.pool.checkout(target, has_body) {
                return Ok(Acquired { connection, kept: true });
            }
        }
        let _connecting = call.map(|call| call.child("connect"));
        let connection = self.connector.connect(target, Purpose::Any).await?;
        self.pool.opened(target, &connection);
        if let Some(turn) = turn {
            turn.succeeded();
        }
        Ok(Acquired { connection, kept: false })
    }
}

fn header_size(request: &Request<RequestBody>) -> usize {
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    path_and_query(request).len() + fields.sum::<usize>()
}

/// Whether the connection, rather than the request, is likely to be why the request was lost.
fn is_repeated(error: &MessageError, purpose: Purpose, kept: bool, tries: usize) -> bool {
    if is_unprocessed(error) {
        return tries < MAX_TRIES;
    }
    kept || purpose == Purpose::Any && is_invalid_http2(error)
}

/// An exchange fails by the caller's doing, too.
fn failure(sent: &Sent, error: MessageError) -> UpstreamError {
    match error {
        error if sent.is_broken() => UpstreamError::RequestBody(error),
        error if is_invalid_http2(&error) => UpstreamError::InvalidHttp2(error),
        error => UpstreamError::of(error),
    }
}

/// Names the target, and the fields of this hop, in the request as the connection's protocol wants it. HTTP/1.1 writes path and query
/// as they came.
fn address(head: &mut Request<RequestBody>, target: &Target, connection: &Connection) {
    headers::state_hop(head.headers_mut(), matches!(connection, Connection::Http1(_)));
    match connection {
        Connection::Http1(_) => {
            if head.version() == Version::HTTP_2 {
                headers::join_cookies(head.headers_mut());
            }
            head.headers_mut().insert(HOST, target.authority().clone());
        }
        Connection::Http2(_) => {
            *head.uri_mut() = absolute(target, encoded_path_and_query(head));
            head.headers_mut().remove(HOST);
        }
    }
}

/// Says how long the body is, in the one way that the connection's protocol has for it.
fn frame(request: &mut Request<RequestBody>, connection: &Connection) {
    let length = request.body().size_hint().exact();
    let over_http1 = matches!(connection, Connection::Http1(_));
    let is_wanted = length != Some(0) || gives_content_a_meaning(request.method());
    let headers = request.headers_mut();
    headers.remove(TRANSFER_ENCODING);
    match length {
        Some(length) if is_wanted || headers.contains_key(CONTENT_LENGTH) => {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        Some(_) => {}
        None => {
            headers.remove(CONTENT_LENGTH);
            if over_http1 {
                headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
        }
    }
}

/// Whether a request of this method says also that it has no content (RFC 9110, section 8.6). Servers answer 411 where it
/// does not.
fn gives_content_a_meaning(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn absolute(target: &Target, path: PathAndQuery) -> Uri {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(match target.scheme() {
        Scheme::Http => http::uri::Scheme::HTTP,
        Scheme::Https => http::uri::Scheme::HTTPS,
    });
    parts.authority =
        Some(Authority::try_from(target.authority().as_bytes()).expect("a parsed host is a valid authority"));
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).expect("scheme, authority and path make a URI")
}
