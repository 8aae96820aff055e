//! Requests of a caller, one after the other. Between two of them a connection holds no memory but its own few fields.

use super::CallerStream;
use super::error::Error;
use super::request::{self, RequestHead};
use super::request_body::RequestBody;
use super::response::Reply;
use super::rewind::Rewind;
use super::send::{SendError, Sender};
use super::wire::Shared;
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

/// How long a caller is still listened to that sends what nobody reads. It may get to the next request; and where it does not,
/// a connection closed too early would make its system throw the response away (RFC 9112, section 9.6).
const LINGER: Duration = Duration::from_secs(2);
/// How long a connection that drains waits for one more request, in which its caller is told to close it. The caller may have
/// sent it already, and cannot know whether it was served when the connection closes instead (RFC 9112, section 9.6).
const LAST_REQUEST: Duration = Duration::from_secs(1);

/// An answer that is being made.
pub type Answering<B> = Pin<Box<dyn Future<Output = Response<B>> + Send>>;

/// Answers requests.
pub trait Handler: Unpin {
    /// The bodies of answers.
    type Body: Body<Data = Bytes> + Unpin;

    /// Something of a header has come, and it is not whole.
    fn header_begun(&self);

    /// Answers a request.
    fn answer(&self, request: Request<RequestBody>) -> Answering<Self::Body>;

    /// Answers what is no request, of which this much can be told. This is the last answer on its connection.
    fn refuse(&self, error: Error, told: &Request<()>) -> Response<Self::Body>;
}

/// A caller's connection. It resolves when it has ended.
pub struct Connection<H: Handler> {
    shared: Shared,
    handler: H,
    /// The last request.
    asked: Asked,
    state: State<H::Body>,
    leaving: Leaving,
}

/// Whether a connection takes another request.
enum Leaving {
    No,
    /// One that comes in time. The answer says that it is the last.
    AfterOne(Pin<Box<Sleep>>),
    /// None that has not come yet.
    Now,
}

/// What is to be remembered of a request.
struct Asked {
    method: Method,
    version: Version,
    takes_trailers: bool,
    keep_alive: bool,
    switch: Option<oneshot::Sender<Rewind>>,
}

enum State<B: Body> {
    /// The next request has not come, or not all of its header.
    Waiting,
    Answering(Answering<B>),
    Sending(Box<Sender<B>>, After),
    /// The response is written, and the next request comes behind what is left of this one.
    Settling(Pin<Box<Sleep>>),
    /// Nothing more is written, and what still comes is for nobody.
    Lingering(Pin<Box<Sleep>>),
    /// Nothing more is written.
    Closing,
    Over,
}

/// What comes behind a response.
#[derive(Clone, Copy)]
enum After {
    Request,
    End,
    AnotherProtocol,
}

impl<H: Handler> Connection<H> {
    /// A connection of which these bytes have been read already.
    pub fn new(before: Bytes, stream: impl CallerStream, handler: H) -> Self {
        let asked = Asked {
            method: Method::GET,
            version: Version::HTTP_11,
            takes_trailers: false,
            keep_alive: false,
            switch: None,
        };
        let shared = Shared::new(before, Box::new(stream));
        Self { shared, handler, asked, state: State::Waiting, leaving: Leaving::No }
    }

    /// Takes no more requests but those that have come already.
    pub fn leave(&mut self) {
        self.leaving = Leaving::Now;
    }

    /// Takes one more request, if it comes soon after the last response, and tells its caller to send no more.
    pub fn drain(&mut self) {
        self.leaving = Leaving::AfterOne(Box::pin(sleep(LAST_REQUEST)));
    }

    /// What follows the present state, once it does.
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
                let head = ready!(shared.wire().poll_head(context, is_last, header_begun));
                match head {
                    Ok(Some(head)) => self.begin(head),
                    Ok(None) => State::Closing,
                    Err(error) if error.is_parse() => self.refuse(error),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            State::Answering(answering) => {
                let Poll::Ready(response) = answering.as_mut().poll(context) else {
                    return shared.wire().poll_gone(context, !self.asked.keep_alive).map(Err);
                };
                self.reply(response)
            }
            State::Sending(sender, after) => {
                let write = |out: &mut WriteBuffer, context: &mut Context<'_>| {
                    out.poll_write(&mut *shared.wire().stream, context)
                };
                let Poll::Ready(sent) = sender.poll(context, write) else {
                    return shared.wire().poll_gone(context, !self.asked.keep_alive).map(Err);
                };
                sent.map_err(broken)?;
                let after = *after;
                self.follow(after)
            }
            State::Settling(end) => {
                let mut wire = shared.wire();
                if wire.is_read_by_another(context) {
                    return Poll::Pending;
                }
                match wire.poll_settled(context) {
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
                    let mut wire = shared.wire();
                    // Whatever the outcome, there is nothing more to say.
                    let _ = ready!(Pin::new(&mut wire.stream).poll_shutdown(context));
                    ready!(wire.poll_silent(context));
                }
                State::Over
            }
            State::Closing => {
                ready!(Pin::new(&mut shared.wire().stream).poll_shutdown(context))?;
                State::Over
            }
            State::Over => State::Over,
        }))
    }

    fn begin(&mut self, head: RequestHead) -> State<H::Body> {
        let RequestHead { request, length, keep_alive, expects_continue, wants_upgrade, takes_trailers } =
            head;
        let has_body = self.shared.wire().begin_body(length, expects_continue);
        let (switch, switched) = wants_upgrade.then(oneshot::channel).unzip();
        let (method, version) = (request.method().clone(), request.version());
        self.asked = Asked { method, version, takes_trailers, keep_alive, switch };
        let body = RequestBody::new(has_body.then(|| self.shared.clone()), switched);
        State::Answering(self.handler.answer(request.map(|()| body)))
    }

    fn refuse(&mut self, error: Error) -> State<H::Body> {
        self.asked.keep_alive = false;
        self.asked.method = Method::GET;
        let told = request::told(self.shared.wire().buffer.held());
        self.reply(self.handler.refuse(error, &told))
    }

    fn reply(&mut self, response: Response<H::Body>) -> State<H::Body> {
        let Asked { ref method, version, takes_trailers, keep_alive, .. } = self.asked;
        let (head, body) = response.into_parts();
        let mut text = self.shared.wire().take_interim().to_vec();
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

    /// What follows a response that has been written.
    fn follow(&mut self, after: After) -> State<H::Body> {
        if let Leaving::AfterOne(end) = &mut self.leaving {
            end.as_mut().reset(Instant::now() + LAST_REQUEST);
        }
        let mut wire = self.shared.wire();
        match after {
            After::Request if wire.body().is_ended() => State::Waiting,
            After::Request => State::Settling(Box::pin(sleep(LINGER))),
            After::End if wire.is_used_up() => State::Closing,
            After::End => linger(),
            After::AnotherProtocol => {
                let stream = Rewind::new(wire.buffer.take(), wire.end());
                if let Some(switch) = self.asked.switch.take() {
                    // Whoever asked for the switch may have gone.
                    let _ = switch.send(stream);
                }
                State::Over
            }
        }
    }
}

/// Nothing goes on without the server, not even the reader of a body for an upstream that has answered. Where the end of the
/// connection would be taken for the end of a response that is not whole, the connection is reset (RFC 9112, section 8).
impl<H: Handler> Drop for Connection<H> {
    fn drop(&mut self) {
        let stream = self.shared.wire().end();
        if matches!(&self.state, State::Sending(sender, _) if sender.ends_by_close()) {
            stream.reset_when_dropped();
        }
    }
}

fn linger<B: Body>() -> State<B> {
    State::Lingering(Box::pin(sleep(LINGER)))
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
