//! Serves the requests of a caller, one after the other. Between two requests a connection holds no memory but its own fields.

use super::conn_io::Shared;
use super::error::Error;
use super::request::{self, RequestHead};
use super::request_body::RequestBody;
use super::response::Reply;
use super::rewind::Rewind;
use super::send::{SendError, Sender};
use super::stream::CallerStream;
use super::write::WriteBuffer;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWrite;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};

/// How long the rest of a request is read and discarded after its response. The next request may follow it; and if the
/// connection were closed too early, the caller's system might discard the response (RFC 9112, section 9.6).
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection that drains waits for one more request, whose response has `Connection: close`. The caller may have
/// sent that request already, and could not know whether it was served if the connection closed (RFC 9112, section 9.6).
const LAST_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// The future of a response.
pub type Answering<B> = Pin<Box<dyn Future<Output = Response<B>> + Send>>;

/// Responds to requests.
pub trait Handler: Unpin {
    /// The body of a response.
    type Body: Body<Data = Bytes> + Unpin;

    /// Called when a part of a header has been received and the header is incomplete.
    fn header_begun(&self);

    /// Responds to a request.
    fn answer(&self, request: Request<RequestBody>) -> Answering<Self::Body>;

    /// Responds to an invalid request. `told` is what could be parsed of it. This is the last response on the connection.
    fn refuse(&self, error: Error, told: &Request<()>) -> Response<Self::Body>;
}

/// A caller's connection: a future that resolves when the connection has ended.
pub struct Connection<H: Handler> {
    shared: Shared,
    handler: H,
    /// The request that is served, or the last one.
    request: RequestMeta,
    state: State<H::Body>,
    leaving: Leaving,
}

/// Whether a connection accepts another request.
enum Leaving {
    No,
    /// One that arrives before the timeout. Its response has `Connection: close`.
    AfterOne(Pin<Box<Sleep>>),
    /// Only a request that has been received already.
    Now,
}

/// What the server needs of a request to write its response.
struct RequestMeta {
    method: Method,
    version: Version,
    takes_trailers: bool,
    keep_alive: bool,
    switch: Option<oneshot::Sender<Rewind>>,
}

enum State<B: Body> {
    /// The header of the next request is missing or incomplete.
    Waiting,
    Answering(Answering<B>),
    Sending(Box<Sender<B>>, After),
    /// The response is written, and the rest of the request is read and discarded until the next request begins.
    Settling(Pin<Box<Sleep>>),
    /// Nothing more is written, and whatever still arrives is discarded.
    Lingering(Pin<Box<Sleep>>),
    /// Nothing more is written.
    Closing,
    Over,
}

/// What follows a response.
#[derive(Clone, Copy)]
enum After {
    Request,
    End,
    AnotherProtocol,
}

impl<H: Handler> Connection<H> {
    /// A connection from which the bytes `before` have been read already.
    pub fn new(before: Bytes, stream: impl CallerStream, handler: H) -> Self {
        let request = RequestMeta {
            method: Method::GET,
            version: Version::HTTP_11,
            takes_trailers: false,
            keep_alive: false,
            switch: None,
        };
        let shared = Shared::new(before, Box::new(stream));
        Self { shared, handler, request, state: State::Waiting, leaving: Leaving::No }
    }

    /// Accepts no more requests, except those that have been received already.
    pub fn leave(&mut self) {
        self.leaving = Leaving::Now;
    }

    /// Accepts one more request, if it arrives soon after the last response, and closes the connection after it.
    pub fn drain(&mut self) {
        self.leaving = Leaving::AfterOne(Box::pin(sleep(LAST_REQUEST_TIMEOUT)));
    }

    /// Resolves with the next state.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<State<H::Body>, Error>> {
        let shared = &self.shared;
        Poll::Ready(Ok(match &mut self.state {
            State::Waiting => {
                let is_last = match &mut self.leaving {
                    Leaving::No => false,
                    Leaving::AfterOne(end) => end.as_mut().poll(context).is_ready(),
                    Leaving::Now => true,
                };
                let header_begun = || self.handler.header_begun();
                let head = ready!(shared.lock().poll_head(context, is_last, header_begun));
                match head {
                    Ok(Some(head)) => self.begin(head),
                    Ok(None) => State::Closing,
                    Err(error) if error.is_parse() => self.refuse(error),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            State::Answering(answering) => {
                let Poll::Ready(response) = answering.as_mut().poll(context) else {
                    return shared.lock().poll_gone(context, !self.request.keep_alive).map(Err);
                };
                self.reply(response)
            }
            State::Sending(sender, after) => {
                let write = |out: &mut WriteBuffer, context: &mut Context<'_>| {
                    out.poll_write(&mut *shared.lock().stream, context)
                };
                let Poll::Ready(sent) = sender.poll(context, write) else {
                    return shared.lock().poll_gone(context, !self.request.keep_alive).map(Err);
                };
                sent.map_err(broken)?;
                let after = *after;
                self.follow(after)
            }
            State::Settling(end) => {
                let mut io = shared.lock();
                if io.is_read_by_another(context) {
                    return Poll::Pending;
                }
                match io.poll_settled(context) {
                    Poll::Ready(Ok(())) => State::Waiting,
                    Poll::Ready(Err(_)) => linger(),
                    Poll::Pending => {
                        ready!(end.as_mut().poll(context));
                        linger()
                    }
                }
            }
            State::Lingering(end) => {
                if end.as_mut().poll(context).is_pending() {
                    let mut io = shared.lock();
                    // A failure changes nothing, because nothing more is written.
                    let _ = ready!(Pin::new(&mut io.stream).poll_shutdown(context));
                    ready!(io.poll_silent(context));
                }
                State::Over
            }
            State::Closing => {
                ready!(Pin::new(&mut shared.lock().stream).poll_shutdown(context))?;
                State::Over
            }
            State::Over => State::Over,
        }))
    }

    fn begin(&mut self, head: RequestHead) -> State<H::Body> {
        let RequestHead { request, length, keep_alive, expects_continue, wants_upgrade, takes_trailers } =
            head;
        let has_body = self.shared.lock().begin_body(length, expects_continue);
        let (switch, switched) = wants_upgrade.then(oneshot::channel).unzip();
        let (method, version) = (request.method().clone(), request.version());
        self.request = RequestMeta { method, version, takes_trailers, keep_alive, switch };
        let body = RequestBody::new(has_body.then(|| self.shared.clone()), switched);
        State::Answering(self.handler.answer(request.map(|()| body)))
    }

    fn refuse(&mut self, error: Error) -> State<H::Body> {
        self.request.keep_alive = false;
        self.request.method = Method::GET;
        let told = request::told(self.shared.lock().buffer.held());
        self.reply(self.handler.refuse(error, &told))
    }

    fn reply(&mut self, response: Response<H::Body>) -> State<H::Body> {
        let RequestMeta { ref method, version, takes_trailers, keep_alive, .. } = self.request;
        let (head, body) = response.into_parts();
        let mut text = self.shared.lock().take_interim().to_vec();
        let stays = matches!(self.leaving, Leaving::No);
        let reply = Reply { method, version, takes_trailers, keep_alive: keep_alive && stays };
        let (encoder, keep_alive) = reply.write(&head, body.size_hint().exact(), &mut text);
        let after = match head.status {
            StatusCode::SWITCHING_PROTOCOLS => After::AnotherProtocol,
            _ if keep_alive => After::Request,
            _ => After::End,
        };
        State::Sending(Box::new(Sender::response(text, body, encoder)), after)
    }

    /// The state after a response has been written.
    fn follow(&mut self, after: After) -> State<H::Body> {
        if let Leaving::AfterOne(end) = &mut self.leaving {
            end.as_mut().reset(Instant::now() + LAST_REQUEST_TIMEOUT);
        }
        let mut io = self.shared.lock();
        match after {
            After::Request if io.body().is_ended() => State::Waiting,
            After::Request => State::Settling(Box::pin(sleep(LINGER_TIMEOUT))),
            After::End if io.is_used_up() => State::Closing,
            After::End => linger(),
            After::AnotherProtocol => {
                let stream = Rewind::new(io.buffer.take(), io.end());
                if let Some(switch) = self.request.switch.take() {
                    // The receiver of the stream may have been dropped.
                    let _ = switch.send(stream);
                }
                State::Over
            }
        }
    }
}

/// Ends the connection also for the reader of a request's body, whose upstream may have responded already. Where the caller
/// would take the end of the connection for the end of an incomplete response, resets the connection (RFC 9112, section 8).
impl<H: Handler> Drop for Connection<H> {
    fn drop(&mut self) {
        let stream = self.shared.lock().end();
        if matches!(&self.state, State::Sending(sender, _) if sender.ends_by_close()) {
            stream.reset_when_dropped();
        }
    }
}

fn linger<B: Body>() -> State<B> {
    State::Lingering(Box::pin(sleep(LINGER_TIMEOUT)))
}

fn broken<E>(error: SendError<E>) -> Error {
    match error {
        SendError::Body(_) => Error::Incomplete,
        SendError::Message(error) => error,
    }
}

impl<H: Handler> Future for Connection<H> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !matches!(self.state, State::Over) {
            self.state = ready!(self.poll_next(context))?;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
