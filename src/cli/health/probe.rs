//! Asks a proxy for its health: at its listener for metrics and health, over TCP or a Unix socket, or at its process.
//! Proxy variables are ignored.

use crate::config::ListenAddr;
use crate::health_socket::{Place, READY};
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

/// The maximum size in bytes of a response that is read; those of `/readyz` name a few holds.
const MAX_RESPONSE: usize = 4096;

/// A question to the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether the process is alive.
    Alive,
    /// Whether the proxy is ready.
    Ready,
}

/// The destination of the question.
pub(super) enum Probe {
    /// The listener for metrics and health. A wildcard address is asked through loopback.
    Listener(ListenAddr),
    /// The proxies of this container, all of which must be healthy; perhaps none.
    Processes(Vec<Place>),
}

/// Why the answer is not positive.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProbeError {
    /// The connection is refused or fails.
    #[error("cannot connect to {0}: {1}")]
    Connect(ListenAddr, io::Error),
    /// The connection ended before the response did, or the server does not speak HTTP.
    #[error("no answer from {0}: {1}")]
    Exchange(ListenAddr, hyper::Error),
    /// The proxy is not ready, and names what it waits for.
    #[error("not ready, {0}")]
    NotReady(String),
    /// A process that was found does not answer.
    #[error("no answer from process {0}: {1}")]
    Process(u32, io::Error),
    /// No proxy was found.
    #[error("no proxy runs in this container, and its settings name no address to ask")]
    Nowhere,
    /// Another server listens at the address.
    #[error("{0} answers {1}, so it is no proxy's listener for health")]
    Unexpected(ListenAddr, StatusCode),
}

impl Probe {
    /// Asks once, without a timeout.
    ///
    /// # Errors
    /// When the answer is not positive.
    pub(super) async fn ask(&self, question: Question) -> Result<(), ProbeError> {
        match self {
            Self::Listener(listen) => ask_listener(listen, question).await,
            Self::Processes(places) if places.is_empty() => Err(ProbeError::Nowhere),
            Self::Processes(places) => {
                for place in places {
                    ask_process(place, question).await?;
                }
                Ok(())
            }
        }
    }
}

/// Displays the address as it was configured.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener(listen) => listen.fmt(f),
            Self::Processes(_) => f.write_str("the proxy of this container"),
        }
    }
}

async fn ask_process(place: &Place, question: Question) -> Result<(), ProbeError> {
    let line = place.ask().await.map_err(|error| ProbeError::Process(place.process(), error))?;
    match question {
        Question::Ready if line != READY => Err(ProbeError::NotReady(legible(&line))),
        Question::Ready | Question::Alive => Ok(()),
    }
}

async fn ask_listener(listen: &ListenAddr, question: Question) -> Result<(), ProbeError> {
    let path = match question {
        Question::Alive => "/healthz",
        Question::Ready => "/readyz",
    };
    let stream = connect(listen).await.map_err(|error| ProbeError::Connect(listen.clone(), error))?;
    let (status, body) =
        exchange(stream, path).await.map_err(|error| ProbeError::Exchange(listen.clone(), error))?;
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::SERVICE_UNAVAILABLE => Err(ProbeError::NotReady(body)),
        other => Err(ProbeError::Unexpected(listen.clone(), other)),
    }
}

async fn connect(listen: &ListenAddr) -> io::Result<Stream> {
    // An IPv6 wildcard accepts IPv4 too, unless the system is configured otherwise.
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let tcp = match listen {
        ListenAddr::Unix(path) => return UnixStream::connect(path).await.map(Stream::Unix),
        ListenAddr::Every(port) => TcpStream::connect(&loopback.map(|host| (host, *port).into())[..]).await,
        ListenAddr::One(host, port) if host.parse().is_ok_and(|host: IpAddr| host.is_unspecified()) => {
            TcpStream::connect(&loopback.map(|host| (host, *port).into())[..]).await
        }
        ListenAddr::One(host, port) => TcpStream::connect((host.as_str(), *port)).await,
    };
    tcp.map(Stream::Tcp)
}

/// Removes control characters, because the text goes to a terminal and may be another party's.
fn legible(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

async fn exchange(stream: Stream, path: &str) -> Result<(StatusCode, String), hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header(HOST, "localhost").body(Empty::<Bytes>::new());
    let request = request.expect("the path and the header are ours");
    let answer = async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        // The status decides; a body that is too long or breaks off only shortens the message.
        let body = Limited::new(body, MAX_RESPONSE).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        Ok((head.status, legible(&String::from_utf8_lossy(&body))))
    };
    // An error of the connection is also the error of the response.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}
