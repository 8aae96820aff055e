//! Sends one request to its upstream: over a connection from the pool or a new one, within `--upstream-timeout`, and
//! again only where that cannot be a second time.

use super::body::{RequestBody, Sent};
use super::connector::Connector;
use super::error::UpstreamError;
use super::headers;
use super::pool::{Connection, Lease, Pool};
use super::target::{Scheme, Target};
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Reaches upstreams.
pub struct Upstream {
    connector: Connector,
    pool: Pool,
    timeout: Duration,
}

/// A request that did not get its response.
enum Lost {
    /// Nothing of it was written, so it is as good as new.
    Unsent(Box<Request<RequestBody>>, hyper::Error),
    /// The upstream may have seen it.
    Sent(hyper::Error),
    /// No response header in time.
    Late,
}

impl Upstream {
    /// Reaches upstreams through this connector, and waits this long for a response once a request has been sent.
    pub fn new(connector: Connector, pool: Pool, timeout: Duration) -> Self {
        Self { connector, pool, timeout }
    }

    /// Resolves the target and judges its addresses.
    ///
    /// # Errors
    /// When the name does not resolve, or all its addresses are refused.
    pub async fn check(&self, target: &Target) -> Result<(), UpstreamError> {
        self.connector.check(target).await
    }

    /// The upstream's response, and the connection that its body is still on.
    ///
    /// # Errors
    /// When no connection can be had, it breaks before the response, or no response header comes in time.
    pub async fn send(
        &self,
        target: &Target,
        mut request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Lease), UpstreamError> {
        let sent = request.body().sent();
        let may_switch = request.headers().contains_key(UPGRADE);
        // A connection that may end as a pipe is a new one: it will not come back.
        while let Some(mut connection) = (!may_switch).then(|| self.pool.take(target)).flatten() {
            let replay = Replay::of(&request);
            request = match self.exchange(&mut connection, target, request, &sent).await {
                Ok(response) => return Ok((response, self.pool.lease(target, connection, sent))),
                Err(Lost::Late) => return Err(UpstreamError::ResponseTimeout(self.timeout)),
                // The connection was closed while it lay in the pool: the next one may still be good.
                Err(Lost::Unsent(request, _)) => *request,
                Err(Lost::Sent(error)) => match replay {
                    Some(replay) if connection_broke(&error) => {
                        request = replay.into_request();
                        // Once, and where nothing can have died in the meantime.
                        break;
                    }
                    Some(_) | None => return Err(failure(&sent, error)),
                },
            };
        }
        let mut connection = self.connector.connect(target, may_switch).await?;
        if let Connection::Http2(sender) = &connection {
            self.pool.share(target, sender);
        }
        match self.exchange(&mut connection, target, request, &sent).await {
            Ok(response) => Ok((response, self.pool.lease(target, connection, sent))),
            Err(Lost::Late) => Err(UpstreamError::ResponseTimeout(self.timeout)),
            Err(Lost::Unsent(_, error) | Lost::Sent(error)) => Err(failure(&sent, error)),
        }
    }

    async fn exchange(
        &self,
        connection: &mut Connection,
        target: &Target,
        mut request: Request<RequestBody>,
        sent: &Sent,
    ) -> Result<Response<Incoming>, Lost> {
        address(&mut request, target, connection);
        frame(&mut request, connection);
        let answer = async {
            let answer = match connection {
                Connection::Http1(sender) => {
                    // A connection from the pool may still be finishing what it did before.
                    if let Err(error) = sender.ready().await {
                        return Err(Lost::Unsent(Box::new(request), error));
                    }
                    sender.try_send_request(request).await
                }
                Connection::Http2(sender) => sender.try_send_request(request).await,
            };
            answer.map_err(|mut error| match error.take_message() {
                Some(request) => Lost::Unsent(Box::new(request), error.into_error()),
                None => Lost::Sent(error.into_error()),
            })
        };
        if sent.is_finished() {
            return timeout(self.timeout, answer).await.unwrap_or(Err(Lost::Late));
        }
        let late = async {
            sent.finished().await;
            sleep(self.timeout).await;
        };
        tokio::select! {
            answer = answer => answer,
            () = late => Err(Lost::Late),
        }
    }
}

/// An exchange fails by the caller's doing, too.
fn failure(sent: &Sent, error: hyper::Error) -> UpstreamError {
    if sent.is_broken() { UpstreamError::RequestBody(error) } else { UpstreamError::Exchange(error) }
}

/// Whether the connection broke, by a close, a reset or an error of HTTP/2, and not what came over it: an upstream that
/// does not speak HTTP would not speak it the next time either.
fn connection_broke(error: &hyper::Error) -> bool {
    !error.is_parse() && !error.is_user()
}

/// What is needed to send a request again: kept only where its method is idempotent (RFC 9110, section 9.2.2) and it
/// has no body.
struct Replay {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Replay {
    fn of(request: &Request<RequestBody>) -> Option<Self> {
        let harmless = request.method().is_idempotent() && request.body().is_end_stream();
        harmless.then(|| Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        })
    }

    fn into_request(self) -> Request<RequestBody> {
        let mut request = Request::new(RequestBody::empty());
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

/// Names the target in the request as the connection's protocol wants it, path and query untouched.
fn address(request: &mut Request<RequestBody>, target: &Target, connection: &Connection) {
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    match connection {
        Connection::Http1(_) => {
            *request.version_mut() = Version::HTTP_11;
            *request.uri_mut() = Uri::from(path);
            request.headers_mut().insert(HOST, target.authority().clone());
        }
        Connection::Http2(_) => {
            *request.version_mut() = Version::HTTP_2;
            *request.uri_mut() = absolute(target, path);
            request.headers_mut().remove(HOST);
        }
    }
}

/// Says how long the body is, in the one way that the connection's protocol has for it. hyper believes a header without
/// counting, and would leave out the body of a GET whose length nobody knows.
fn frame(request: &mut Request<RequestBody>, connection: &Connection) {
    let length = request.body().size_hint().exact();
    let headers = request.headers_mut();
    headers::state_length(headers, length);
    if length == Some(0) && headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    match connection {
        Connection::Http1(_) if length.is_none() => {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        Connection::Http1(_) | Connection::Http2(_) => {
            headers.remove(TRANSFER_ENCODING);
        }
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
