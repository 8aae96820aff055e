//! Asks a proxy for its health: at its listener for metrics and health, over TCP or a Unix socket, or at its process.
//! Proxy variables are ignored.

use crate::config::listener::ListenAddr;
use crate::dial::dialer::{Dialer, Socket};
use crate::dial::resolver::Resolver;
use crate::health_socket::{Place, READY};
use crate::http_client::{self, HttpConnection};
use bytes::Bytes;
use http::header::HOST;
use http::{Request, Response, StatusCode};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

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
    let unreachable = |error| ProbeError::Connect(listen.clone(), error);
    let answer = match listen {
        ListenAddr::Unix(socket) => {
            exchange(UnixStream::connect(socket).await.map_err(unreachable)?, path).await
        }
        ListenAddr::Every(port) => exchange(dial(None, *port).await.map_err(unreachable)?, path).await,
        ListenAddr::One(host, port) => {
            exchange(dial(Some(host), *port).await.map_err(unreachable)?, path).await
        }
    };
    let (status, body) = answer.map_err(|error| ProbeError::Exchange(listen.clone(), error))?;
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::SERVICE_UNAVAILABLE => Err(ProbeError::NotReady(body)),
        other => Err(ProbeError::Unexpected(listen.clone(), other)),
    }
}

/// Connects to a host of the listener, or through loopback where it listens on every address.
async fn dial(host: Option<&str>, port: u16) -> io::Result<Socket> {
    let address = match host.map(str::parse) {
        None => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        Some(Ok(address)) => Some(address),
        Some(Err(_)) => None,
    };
    let addresses = match (address, host) {
        // An IPv6 wildcard accepts IPv4 too, unless the system is configured otherwise.
        (Some(address), _) if address.is_unspecified() => {
            let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            loopback.map(|address| (address, port).into()).to_vec()
        }
        (Some(address), _) => vec![(address, port).into()],
        (None, name) => Resolver::default().resolve(name.unwrap_or_default(), port).await?,
    };
    Dialer::at_most(None).dial(addresses).await
}

/// Removes control characters, because the text goes to a terminal and may be another party's.
fn legible(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    path: &str,
) -> Result<(StatusCode, String), hyper::Error> {
    let request = Request::get(path).header(HOST, "localhost").body(Bytes::new());
    let request = request.expect("the path and the header are ours");
    let mut connection = HttpConnection::over(stream).await?;
    let answer = connection.send(request).await?;
    let status = answer.status();
    // The status decides; a body that is too long or breaks off only shortens the message.
    let body = http_client::read(answer, MAX_RESPONSE).await;
    let body = body.map(Response::into_body).unwrap_or_default();
    Ok((status, legible(&String::from_utf8_lossy(&body))))
}
