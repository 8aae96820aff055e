//! A caller: one request on one connection, everything about the answer read.

use super::program::WAIT_LIMIT;
use super::wire::in_lower_case;
use attache::tasks::{Owned, Tasks};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub type Body = Full<Bytes>;

/// A connection that speaks HTTP/1.1.
pub struct Http1 {
    sender: http1::SendRequest<Body>,
    _task: Owned,
}

impl Http1 {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap()).await
    }

    /// Through a connection that stands already.
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let task = Tasks::default().spawn(async {
            let _ = connection.with_upgrades().await;
        });
        Self { sender, _task: task.into() }
    }

    /// The response's header; its body is still on its way.
    pub async fn begin(&mut self, request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        self.sender.ready().await?;
        timeout(WAIT_LIMIT, self.sender.send_request(request)).await.unwrap()
    }

    pub async fn send(&mut self, request: Request<Body>) -> Answer {
        Answer::read(self.begin(request).await.unwrap()).await
    }
}

/// A connection that speaks HTTP/2 without TLS.
pub async fn http2(address: SocketAddr) -> (http2::SendRequest<Body>, Owned) {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let (sender, connection) = builder.max_header_list_size(1 << 20).handshake(stream).await.unwrap();
    let task = Tasks::default().spawn(async {
        let _ = connection.await;
    });
    (sender, task.into())
}

/// A whole response.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: Bytes,
    pub trailers: Option<http::HeaderMap>,
}

impl Answer {
    pub async fn read(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        let body = timeout(WAIT_LIMIT, body.collect()).await.unwrap().unwrap();
        let trailers = body.trailers().cloned();
        Self { status: parts.status, headers: parts.headers, body: body.to_bytes(), trailers }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Sends one request on a connection of its own.
pub async fn send(address: SocketAddr, request: Request<Body>) -> Answer {
    Http1::connect(address).await.send(request).await
}

/// `GET path`, with these headers.
pub fn get(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(path);
    // A caller that names another host than the proxy does so in these headers.
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request = request.header("host", "localhost");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::default()).unwrap()
}

/// Sends these very bytes and returns all that comes back until the connection closes, names of fields in lower case.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    timeout(WAIT_LIMIT, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    in_lower_case(answer)
}
