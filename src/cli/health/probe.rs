//! One question to the listener for metrics and health, over TCP or a Unix socket. It knows no proxy variables.

use crate::config::ListenAddr;
use crate::server::stream::Stream;
use bytes::Bytes;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tokio::net::{TcpStream, UnixStream};

/// The most bytes of an answer that are read; those of `/readyz` name a few holds.
const LONGEST_ANSWER: usize = 4096;

/// Asks one proxy on this machine, or wherever its listener is.
pub(super) struct Probe(ListenAddr);

/// Why the answer is not yes.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProbeError {
    /// Nobody listens there.
    #[error("cannot connect to {0}: {1}")]
    Connect(ListenAddr, io::Error),
    /// The connection ended before the answer did, or what answers speaks no HTTP.
    #[error("no answer from {0}: {1}")]
    Exchange(ListenAddr, hyper::Error),
    /// The proxy says what it waits for.
    #[error("not ready, {0}")]
    NotReady(String),
    /// Something else listens there.
    #[error("{0} answers {1}, so it is no proxy's listener for health")]
    Unexpected(ListenAddr, StatusCode),
}

impl Probe {
    /// Asks whatever listens there; the proxy's own wildcards are asked through loopback.
    pub(super) fn new(listen: ListenAddr) -> Self {
        Self(listen)
    }

    /// Asks once, without a limit on the time.
    ///
    /// # Errors
    /// When the answer is anything but 200.
    pub(super) async fn ask(&self, path: &str) -> Result<(), ProbeError> {
        let stream = self.connect().await.map_err(|error| ProbeError::Connect(self.0.clone(), error))?;
        let (status, body) =
            exchange(stream, path).await.map_err(|error| ProbeError::Exchange(self.0.clone(), error))?;
        match status {
            StatusCode::OK => Ok(()),
            StatusCode::SERVICE_UNAVAILABLE => Err(ProbeError::NotReady(body)),
            other => Err(ProbeError::Unexpected(self.0.clone(), other)),
        }
    }

    async fn connect(&self) -> io::Result<Stream> {
        // A wildcard of IPv6 takes IPv4 too, unless the machine says otherwise.
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let tcp = match &self.0 {
            ListenAddr::Unix(path) => return UnixStream::connect(path).await.map(Stream::Unix),
            ListenAddr::Every(port) => {
                TcpStream::connect(&loopback.map(|host| (host, *port).into())[..]).await
            }
            ListenAddr::One(host, port) if host.parse().is_ok_and(|host: IpAddr| host.is_unspecified()) => {
                TcpStream::connect(&loopback.map(|host| (host, *port).into())[..]).await
            }
            ListenAddr::One(host, port) => TcpStream::connect((host.as_str(), *port)).await,
        };
        tcp.map(Stream::Tcp)
    }
}

/// As the proxy was told.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

async fn exchange(stream: Stream, path: &str) -> Result<(StatusCode, String), hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header(HOST, "localhost").body(Empty::<Bytes>::new());
    let request = request.expect("the path and the header are ours");
    let answer = async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        // The status is what counts; a body that is too long or breaks off only says less.
        let body = Limited::new(body, LONGEST_ANSWER).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        // What is said goes to a terminal, and may come from anybody.
        let text = String::from_utf8_lossy(&body).chars().filter(|c| !c.is_control()).collect();
        Ok((head.status, text))
    };
    // What ends a connection early is what the answer fails with.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}
