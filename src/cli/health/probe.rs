//! One question to a proxy: to its listener for metrics and health, over TCP or a Unix socket, or to the process itself. It
//! knows no proxy variables.

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

/// The most bytes of an answer that are read; those of `/readyz` name a few holds.
const LONGEST_ANSWER: usize = 4096;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Does it live?
    Alive,
    /// Is it ready?
    Ready,
}

/// Where to ask.
pub(super) enum Probe {
    /// The listener for metrics and health; the proxy's own wildcards are asked through loopback.
    Listener(ListenAddr),
    /// Proxies of this container, each of which has to be well; perhaps none.
    Processes(Vec<Place>),
}

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
    /// A process that was found says nothing.
    #[error("no answer from process {0}: {1}")]
    Process(u32, io::Error),
    /// There is none.
    #[error("no proxy runs in this container, and its settings name no address to ask")]
    Nowhere,
    /// Something else listens there.
    #[error("{0} answers {1}, so it is no proxy's listener for health")]
    Unexpected(ListenAddr, StatusCode),
}

impl Probe {
    /// Asks once, without a limit on the time.
    ///
    /// # Errors
    /// When the answer is anything but yes.
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

/// As the proxy was told.
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
    // A wildcard of IPv6 takes IPv4 too, unless the machine says otherwise.
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

/// What is said goes to a terminal, and may come from anybody.
fn legible(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
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
        Ok((head.status, legible(&String::from_utf8_lossy(&body))))
    };
    // What ends a connection early is what the answer fails with.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}
