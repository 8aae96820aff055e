//! Sends one request to its upstream: over a connection from the pool or a new one, within `--upstream-timeout`, and
//! again only where that cannot be a second time.

use super::body::{RequestBody, Sent};
use super::connection::{Connection, Http1, Http2};
use super::connector::Connector;
use super::error::{MessageError, UpstreamError};
use super::headers;
use super::incoming::UpstreamBody;
use super::opening::{Openings, Outcome, Turn};
use super::pool::{Lease, Part, Pool};
use super::replay::{Replay, is_unprocessed};
use super::target::{Scheme, Target};
use crate::http1::client::Failure;
use crate::telemetry::traces::Span;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Response, Uri};
use http_body::Body;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::time::sleep;

/// How often a request is sent at most, where an upstream keeps saying that it has not looked at it, or hangs up first.
const MOST_TRIES: usize = 5;

/// Reaches upstreams.
pub struct Upstream {
    connector: Connector,
    openings: Openings,
    pool: Pool,
    timeout: Duration,
}

/// A request that did not get its response.
enum Lost {
    /// Nothing of it was written, so it is as good as new.
    Unsent(RequestBody, MessageError),
    /// The upstream may have seen it.
    Sent(MessageError),
    /// No response header in time.
    Late,
}

/// A connection, and whether it lay in the pool: then it may have been closed there.
struct Way {
    connection: Connection,
    kept: bool,
}

impl Upstream {
    /// Reaches upstreams through this connector, and waits this long for a response once a request has been sent.
    pub fn new(connector: Connector, pool: Pool, timeout: Duration) -> Self {
        Self { connector, openings: Openings::default(), pool, timeout }
    }

    /// The connections that are kept.
    pub fn pool(&self) -> &Pool {
        &self.pool
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
    ) -> Result<(Response<UpstreamBody>, Lease), UpstreamError> {
        let sent = request.body().sent();
        // A connection that may end as a pipe is a new one: it will not come back.
        let alone = self.connector.opens_alone(request.headers().contains_key(UPGRADE));
        let mut tries = 0;
        loop {
            let Way { connection, kept } = self.way(target, alone, call).await?;
            let replay = Replay::of(request, &connection);
            tries += 1;
            *request.body_mut() = match self.exchange(connection, target, request, &sent).await {
                Ok((response, part)) => return Ok((response, self.pool.lease(target, part))),
                Err(Lost::Late) => return Err(UpstreamError::ResponseTimeout(self.timeout)),
                // The connection was closed while it lay in the pool, or by what others sent on it: the next may be good.
                Err(Lost::Unsent(body, _)) if kept || tries < MOST_TRIES => body,
                Err(Lost::Unsent(_, error)) => return Err(failure(&sent, error)),
                Err(Lost::Sent(error)) => {
                    let again = if is_unprocessed(&error) { tries < MOST_TRIES } else { kept };
                    let replayed = match replay.filter(|_| again) {
                        Some(replay) => replay.after(&error).await,
                        None => None,
                    };
                    match replayed {
                        Some(body) => body,
                        None => return Err(failure(&sent, error)),
                    }
                }
            };
        }
    }

    /// A connection from the pool, or a new one.
    async fn way(&self, target: &Target, alone: bool, call: Option<&Span>) -> Result<Way, UpstreamError> {
        let kept = |connection| Way { connection, kept: true };
        if alone {
            let _connecting = call.map(|call| call.child("connect"));
            let connection = self.connector.bounded(target, self.connector.connect(target, alone)).await?;
            return Ok(Way { connection, kept: false });
        }
        if let Some(connection) = self.pool.take(target) {
            return Ok(kept(connection));
        }
        let opening = async {
            let mut turn = None;
            while turn.is_none() && self.connector.may_speak_http2(target) && !self.pool.speaks_http1(target)
            {
                match self.openings.turn(target) {
                    Turn::Ours(opening) => turn = Some(opening),
                    Turn::Theirs(waiting) => match waiting.outcome().await {
                        Outcome::Opened => {}
                        // Everybody who waited finds out alone why, rather than one after the other.
                        Outcome::None => break,
                    },
                }
                // While this one waited, or took its turn, another may have finished.
                if let Some(connection) = self.pool.take(target) {
                    return Ok(kept(connection));
                }
            }
            let _connecting = call.map(|call| call.child("connect"));
            let connection = self.connector.connect(target, alone).await?;
            self.pool.opened(target, &connection);
            if let Some(turn) = turn {
                turn.succeeded();
            }
            Ok(Way { connection, kept: false })
        };
        self.connector.bounded(target, opening).await
    }

    /// The response, and the part in the connection that it comes on.
    async fn exchange(
        &self,
        connection: Connection,
        target: &Target,
        request: &mut Request<RequestBody>,
        sent: &Sent,
    ) -> Result<(Response<UpstreamBody>, Part), Lost> {
        address(request, target, &connection);
        frame(request, &connection);
        let late = async {
            sent.finished().await;
            sleep(self.timeout).await;
        };
        tokio::select! {
            biased;
            answer = answer(connection, request) => answer,
            () = late => Err(Lost::Late),
        }
    }
}

/// Sends the request over the connection and waits for the response.
async fn answer(
    connection: Connection,
    request: &mut Request<RequestBody>,
) -> Result<(Response<UpstreamBody>, Part), Lost> {
    let body = std::mem::replace(request.body_mut(), RequestBody::empty());
    match connection {
        Connection::Http1(Http1 { connection, retirement }) => {
            let response = connection.send(request, body).await?;
            Ok((response.map(UpstreamBody::Http1), Part::Http1(retirement)))
        }
        Connection::Http2(connection) => {
            // Boxed, because it is larger than all the rest, and every request would make room for it.
            let (response, part) = Box::pin(answer_http2(connection, request, body)).await?;
            Ok((response.map(UpstreamBody::Http2), Part::Http2(part)))
        }
    }
}

/// A connection that closes at the very moment of sending can leave hyper with a request in a queue that nobody reads,
/// and that ends with the last who could add to it. So a closed connection is dropped before the wait: then the
/// request comes back, unsent.
async fn answer_http2(
    mut connection: Http2,
    head: &Request<RequestBody>,
    body: RequestBody,
) -> Result<(Response<Incoming>, Option<Http2>), Lost> {
    let mut request = Request::new(body);
    head.method().clone_into(request.method_mut());
    head.uri().clone_into(request.uri_mut());
    head.headers().clone_into(request.headers_mut());
    let answer = connection.sender.try_send_request(request);
    let open = (!connection.sender.is_closed()).then_some(connection);
    let mut error = match answer.await {
        Ok(response) => return Ok((response, open)),
        Err(error) => error,
    };
    let unsent = error.take_message();
    let error = MessageError::Http2(error.into_error());
    if let (true, Some(connection)) = (is_unprocessed(&error), &open) {
        connection.turn_away();
    }
    Err(match unsent {
        Some(request) => Lost::Unsent(request.into_body(), error),
        None => Lost::Sent(error),
    })
}

impl From<Failure<RequestBody>> for Lost {
    fn from(Failure { error, unsent }: Failure<RequestBody>) -> Self {
        match unsent {
            Some(body) => Self::Unsent(body, error.into()),
            None => Self::Sent(error.into()),
        }
    }
}

/// An exchange fails by the caller's doing, too.
fn failure(sent: &Sent, error: MessageError) -> UpstreamError {
    if sent.is_broken() { UpstreamError::RequestBody(error) } else { UpstreamError::Exchange(error) }
}

/// Names the target in the request as the connection's protocol wants it, path and query untouched.
fn address(head: &mut Request<RequestBody>, target: &Target, connection: &Connection) {
    match connection {
        Connection::Http1(_) => {
            head.headers_mut().insert(HOST, target.authority().clone());
        }
        Connection::Http2(_) => {
            let path = head.uri().path_and_query().cloned();
            *head.uri_mut() = absolute(target, path.unwrap_or_else(|| PathAndQuery::from_static("/")));
            head.headers_mut().remove(HOST);
        }
    }
}

/// Says how long the body is, in the one way that the connection's protocol has for it.
fn frame(request: &mut Request<RequestBody>, connection: &Connection) {
    let length = request.body().size_hint().exact();
    let headers = request.headers_mut();
    headers::state_length(headers, length);
    if length == Some(0) && headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    headers.remove(TRANSFER_ENCODING);
    if let Connection::Http1(_) = connection {
        match length {
            None => headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
            Some(0) => None,
            Some(length) => headers.insert(CONTENT_LENGTH, length.into()),
        };
    }
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
