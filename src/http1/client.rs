//! Sends requests to an upstream, one at a time. The task that waits for the response drives the connection, which has no task of
//! its own.

use super::decode::Decoder;
use super::encode::Encoder;
use super::error::Error;
use super::framing::Length;
use super::read::ReadBuffer;
use super::request;
use super::response::{self, ResponseHead};
use super::rewind::Rewind;
use super::send::{SendError, Sender};
use super::stream::Stream;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use tokio::task::coop::unconstrained;

/// A connection on which a request can be sent.
pub struct Connection {
    stream: Box<dyn Stream>,
    buffer: ReadBuffer,
}

/// Why a request got no response, or not all of it.
#[derive(Debug)]
pub enum ExchangeError<E> {
    /// The source of the request's body failed.
    Body(E),
    /// The connection failed, or the response is invalid or incomplete.
    Message(Error),
}

/// The failure of a request that has no response.
#[derive(Debug)]
pub struct Failure<B: Body> {
    /// Why there is no response.
    pub error: ExchangeError<B::Error>,
    /// The body, if nothing of the request was written, so that it can be sent again.
    pub unsent: Option<B>,
}

impl Connection {
    /// A connection that has just been opened.
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, buffer: ReadBuffer::default() }
    }

    /// Whether the upstream has sent nothing and has not closed, as it must be between requests. This makes no system call while
    /// the socket is known to have nothing to read.
    pub fn is_silent(&mut self) -> bool {
        if !self.buffer.is_empty() {
            return false;
        }
        // When a task has used up its budget, tokio reports every socket as pending; here that would be taken for silence.
        let look = unconstrained(poll_fn(|context| self.buffer.poll_more(&mut *self.stream, context)));
        pin!(look).poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Whether the connection has ended within a body of this length. The caller has received nothing of the response yet, so
    /// another response can replace it. After a read that filled its buffer, more bytes are likely, and this does not look.
    fn breaks_off(&mut self, length: Length, context: &mut Context<'_>) -> bool {
        let held = self.buffer.held().len() as u64;
        let may_break_off = match length {
            Length::Exact(length) => length > held,
            Length::Chunked => true,
            Length::UntilClose => false,
        };
        if !may_break_off || self.buffer.is_flooding() {
            return false;
        }
        match self.buffer.poll_more(&mut *self.stream, context) {
            Poll::Pending | Poll::Ready(Ok(1..)) => false,
            Poll::Ready(Ok(0) | Err(_)) => {
                !Decoder::from(length).ends_within(&mut self.buffer.held().clone())
            }
        }
    }

    /// Sends a request and waits for the response's header. The request's header must state the length of the body.
    ///
    /// # Errors
    /// When there is no response.
    pub async fn send<T, B>(self, head: &Request<T>, body: B) -> Result<Response<ResponseBody<B>>, Failure<B>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let encoder = match body.size_hint().exact() {
            Some(length) => Encoder::Exact(length),
            None => Encoder::Chunked { trailers: true },
        };
        let sender = Some(Sender::request(request::written(head), body, encoder));
        let mut exchange = Exchange { connection: self, sender, write_closed: false };
        let answered = poll_fn(|context| exchange.poll_response(context, head.method())).await;
        let ResponseHead { response, length, keep_alive } = answered.map_err(|error| {
            let unsent = exchange.sender.as_mut().and_then(Sender::unsent);
            Failure { error, unsent }
        })?;
        if poll_fn(|context| Poll::Ready(exchange.connection.breaks_off(length, context))).await {
            return Err(Failure { error: ExchangeError::Message(Error::Incomplete), unsent: None });
        }
        Ok(response.map(|()| ResponseBody::new(exchange, length, keep_alive)))
    }
}

/// A request that may not be sent to its end yet, and the connection of its response.
struct Exchange<B: Body> {
    connection: Connection,
    /// `None` once it has been sent.
    sender: Option<Sender<B>>,
    /// The upstream stopped reading before the end of the request.
    write_closed: bool,
}

impl<B: Body<Data = Bytes> + Unpin> Exchange<B> {
    /// Sends as much of the request as possible.
    ///
    /// An upstream that stops reading within an upload may have sent a response that says why: `413`, for example. So the rest
    /// of the request is discarded, and the response is still awaited.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Result<(), ExchangeError<B::Error>> {
        while let Some(sender) = &mut self.sender {
            let stream = &mut *self.connection.stream;
            match sender.poll(context, |out, context| out.poll_write(stream, context)) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) => self.sender = None,
                Poll::Ready(Err(SendError::Body(error))) => return Err(ExchangeError::Body(error)),
                Poll::Ready(Err(SendError::Message(Error::Io(_)))) if !sender.write_closed() => {
                    sender.close_write();
                    self.write_closed = true;
                }
                Poll::Ready(Err(SendError::Message(error))) => return Err(ExchangeError::Message(error)),
            }
        }
        Ok(())
    }

    fn poll_response(
        &mut self,
        context: &mut Context<'_>,
        method: &Method,
    ) -> Poll<Result<ResponseHead, ExchangeError<B::Error>>> {
        self.poll_send(context)?;
        self.poll_head(context, method).map_err(ExchangeError::Message)
    }

    fn poll_head(&mut self, context: &mut Context<'_>, method: &Method) -> Poll<Result<ResponseHead, Error>> {
        let Connection { stream, buffer } = &mut self.connection;
        loop {
            if let Some(head) = response::read(buffer, method)? {
                return Poll::Ready(Ok(head));
            }
            if ready!(buffer.poll_lines(&mut **stream, context))? == 0 {
                let nothing = buffer.is_empty();
                return Poll::Ready(Err(if nothing { Error::Closed } else { Error::Incomplete }));
            }
        }
    }
}

/// What remains of an exchange after its response has been read.
pub enum Remains<B: Body> {
    /// The connection, on which another request can be sent.
    Connection(Connection),
    /// The upstream has responded early and still reads the request.
    Upload(Upload<B>),
    /// The connection cannot be used again.
    Nothing,
}

/// A request that is still being sent although its response is complete.
pub struct Upload<B: Body>(Box<Exchange<B>>);

impl<B: Body<Data = Bytes> + Unpin> Upload<B> {
    /// Sends the request to its end, or until the request or the connection fails or the upstream closes or sends more bytes.
    pub async fn finish(mut self) {
        poll_fn(|context| {
            let exchange = &mut *self.0;
            let is_broken = exchange.poll_send(context).is_err() || exchange.write_closed;
            let Connection { stream, buffer } = &mut exchange.connection;
            let is_over = is_broken || exchange.sender.is_none();
            // Whatever arrives now is no response to this request; most likely it is the end of the connection.
            if is_over || buffer.poll_more(&mut **stream, context).is_ready() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// The body of a response. While it is read, the rest of the request is sent.
pub struct ResponseBody<B: Body> {
    /// The exchange is boxed, because it is moved at every step of a response.
    exchange: Box<Exchange<B>>,
    decoder: Decoder,
    keep_alive: bool,
}

impl<B: Body<Data = Bytes> + Unpin> ResponseBody<B> {
    fn new(exchange: Exchange<B>, length: Length, keep_alive: bool) -> Self {
        Self { exchange: Box::new(exchange), decoder: length.into(), keep_alive }
    }

    /// Reads the rest of the body in pieces of 16 KiB at most.
    pub fn read_little(&mut self) {
        self.exchange.connection.buffer.read_little();
    }

    /// Returns what remains of the exchange. Without a body read to its end that is nothing.
    pub fn end(self) -> Remains<B> {
        let is_over = self.exchange.sender.is_none() && self.exchange.connection.buffer.is_empty();
        match self.decoder.is_ended() && self.keep_alive && !self.exchange.write_closed {
            true if is_over => Remains::Connection(Connection::new(self.exchange.connection.stream)),
            true if self.exchange.sender.is_some() => Remains::Upload(Upload(self.exchange)),
            true | false => Remains::Nothing,
        }
    }

    /// The stream after a header that switches to another protocol.
    pub fn into_stream(self) -> Rewind {
        let Connection { stream, mut buffer } = self.exchange.connection;
        Rewind::new(buffer.take(), stream)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = ExchangeError<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Self { exchange, decoder, .. } = &mut *self;
        if let Err(error) = exchange.poll_send(context) {
            return Poll::Ready(Some(Err(error)));
        }
        let Connection { stream, buffer } = &mut exchange.connection;
        let frame = decoder.poll_frame(buffer, &mut **stream, context);
        frame.map(|frame| frame.map(|frame| frame.map_err(ExchangeError::Message)))
    }

    fn is_end_stream(&self) -> bool {
        self.decoder.is_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.decoder.size_hint()
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
