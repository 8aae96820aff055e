//! One request on one connection: sent, and its response waited for within `--upstream-timeout`.

use super::connection::{Connection, FramedBody, Http1, Http2, OpenStream};
use super::grpc;
use super::message_error::MessageError;
use super::pool::{ConnectionState, Pool};
use super::replay::is_unprocessed;
use super::request_body::{RequestBody, Sent};
use super::upstream_body::{Http2Body, UpstreamBody};
use super::validate;
use crate::http1::client::Failure;
use crate::http1::framing::may_have_body;
use crate::model::target::Target;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// For how long a connection may be silent while a request is being sent on it.
const SILENT_WHILE_SENDING: Duration = Duration::from_secs(1);

/// How long the end of a response without a body is waited for.
const END_WITHIN: Duration = Duration::from_millis(100);

/// A request that did not get its response.
pub enum SendError {
    /// Nothing of it was written, so it is as good as new.
    NotSent(RequestBody, MessageError),
    /// The upstream may have seen it.
    MaybeSent(MessageError),
    /// No response header within this time.
    TimedOut(Duration),
}

/// A request that has no response yet. Dropped, because its caller hangs up or the time is over, it may leave the pool in doubt
/// about the connections to its target.
struct Unanswered<'u> {
    pool: &'u Pool,
    target: &'u Target,
    since: Instant,
    /// Whether not all of the request has been sent, so that what came before says nothing of the connection now.
    is_sending: bool,
}

impl Unanswered<'_> {
    /// This is what became of it, so there is no doubt, or none that is not told yet.
    fn by<T>(self, answer: T) -> T {
        std::mem::forget(self);
        answer
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let recently = Instant::now().checked_sub(SILENT_WHILE_SENDING);
        let since =
            recently.filter(|_| self.is_sending).map_or(self.since, |recently| recently.max(self.since));
        self.pool.hung_up(self.target, since);
    }
}

/// The response, and the part in the connection that it comes on. `limit` counts from when the request has been sent.
///
/// # Errors
/// When the connection breaks before the response, or no response header comes in time.
pub async fn exchange(
    pool: &Pool,
    limit: Duration,
    connection: Connection,
    target: &Target,
    request: &mut Request<RequestBody>,
    sent: &Sent,
) -> Result<(Response<UpstreamBody>, ConnectionState), SendError> {
    let body = std::mem::replace(request.body_mut(), RequestBody::empty());
    let upload = upload(&connection, &body).cloned();
    let request = &*request;
    let mut answer = pin!(answer(connection, request, body, upload.clone()));
    let mut unanswered = Unanswered { pool, target, since: Instant::now(), is_sending: !sent.is_finished() };
    if unanswered.is_sending {
        tokio::select! {
            biased;
            answer = &mut answer => return unanswered.by(answer),
            () = sent.finished() => (unanswered.since, unanswered.is_sending) = (Instant::now(), false),
        }
    }
    if let Ok(answer) = timeout(limit, &mut answer).await {
        return unanswered.by(answer);
    }
    pool.doubt(target, unanswered.since);
    if let Some(stream) = &upload {
        // The upstream may have given the connection no room for bodies, which does not show.
        stream.turn_away();
    }
    let answer = match grpc::deadline(request.headers()).and_then(|deadline| deadline.checked_sub(limit)) {
        Some(more) => timeout(more, &mut answer).await.unwrap_or(Err(SendError::TimedOut(limit + more))),
        None => Err(SendError::TimedOut(limit)),
    };
    unanswered.by(answer)
}

/// The stream of a request over HTTP/2 that has a body: it stays open until the body has ended, even behind its response.
fn upload<'c>(connection: &'c Connection, body: &RequestBody) -> Option<&'c Arc<OpenStream>> {
    match connection {
        Connection::Http2(connection) if !body.is_end_stream() => Some(connection.stream()),
        Connection::Http1(_) | Connection::Http2(_) => None,
    }
}

/// Sends the request over the connection and waits for the response.
async fn answer(
    connection: Connection,
    request: &Request<RequestBody>,
    body: RequestBody,
    upload: Option<Arc<OpenStream>>,
) -> Result<(Response<UpstreamBody>, ConnectionState), SendError> {
    match connection {
        Connection::Http1(Http1 { connection, retirement }) => {
            let response = connection.send(request, body).await?;
            let state = ConnectionState::Http1(retirement.stated(response.headers()));
            Ok((response.map(UpstreamBody::Http1), state))
        }
        Connection::Http2(connection) => {
            // Boxed, because it is larger than all the rest, and every request would make room for it.
            let (response, state) = Box::pin(answer_http2(connection, request, body, upload)).await?;
            Ok((response, ConnectionState::Http2(state)))
        }
    }
}

/// A connection that closes at the very moment of sending can leave hyper with a request in a queue that is read no more,
/// and that ends with its last sender. So a closed connection is dropped before the wait: then the request comes back,
/// unsent.
async fn answer_http2(
    mut connection: Http2,
    head: &Request<RequestBody>,
    body: RequestBody,
    upload: Option<Arc<OpenStream>>,
) -> Result<(Response<UpstreamBody>, Option<Http2>), SendError> {
    let mut request = Request::new(FramedBody::new(body, connection.flushes().clone(), upload));
    head.method().clone_into(request.method_mut());
    head.uri().clone_into(request.uri_mut());
    head.headers().clone_into(request.headers_mut());
    let heard = connection.heard().clone();
    let answer = connection.sender.try_send_request(request);
    let open = (!connection.sender.is_closed()).then_some(connection);
    let mut error = match answer.await {
        Ok(mut response) => {
            validate::check_http2_response(&mut response).map_err(MessageError::from)?;
            let (answer, body) = response.into_parts();
            let body = if *head.method() == Method::HEAD || !may_have_body(answer.status) {
                discard(body).await;
                UpstreamBody::Ended
            } else if heard.has_ended() {
                UpstreamBody::Http2(Http2Body::last(body)?)
            } else {
                UpstreamBody::Http2(Http2Body::new(body))
            };
            return Ok((Response::from_parts(answer, body), open));
        }
        Err(error) => error,
    };
    let unsent = error.take_message();
    let error = heard.explain(error.into_error());
    if let (true, Some(connection)) = (is_unprocessed(&error), &open) {
        connection.stream().turn_away();
    }
    Err(match unsent {
        Some(request) => SendError::NotSent(request.into_body().into_unsent(), error),
        None => SendError::MaybeSent(error),
    })
}

/// Waits for the end of a response that has no body. An upstream may say it in a frame of its own, and the HTTP/2 library takes it
/// for an error where the response states a length, although that is the length of another one (RFC 9110, section 8.6).
async fn discard(mut body: Incoming) {
    let end = async { while let Some(Ok(_)) = body.frame().await {} };
    // A stream whose end does not come is reset.
    let _ = timeout(END_WITHIN, end).await;
}

impl From<MessageError> for SendError {
    fn from(error: MessageError) -> Self {
        Self::MaybeSent(error)
    }
}

impl From<Failure<RequestBody>> for SendError {
    fn from(Failure { error, unsent }: Failure<RequestBody>) -> Self {
        match unsent {
            Some(body) => Self::NotSent(body, error.into()),
            None => Self::MaybeSent(error.into()),
        }
    }
}
