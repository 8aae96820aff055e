//! A new connection to an upstream: name look-up, judgement of every address, connection, TLS, protocol.
//!
//! The address judged is the address dialled, so a name that changes its answer in between gains nothing.

use super::body::RequestBody;
use super::error::UpstreamError;
use super::policy::Policy;
use super::pool::Connection;
use super::target::{Host, Scheme, Target};
use crate::tasks::Tasks;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

/// How long one address gets before the next one is tried beside it (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// The most that is buffered of one HTTP/1.1 message that is being read.
const MOST_BUFFERED: usize = 64 * 1024;

/// Opens connections to upstreams.
pub struct Connector {
    /// Applied to addresses; `None` where the operator chose the upstream.
    policy: Option<Policy>,
    tls: TlsConnector,
    tls_http1: TlsConnector,
    connect_timeout: Duration,
    tasks: Tasks,
}

impl Connector {
    /// A connector whose connections are driven by tasks of this group.
    pub fn new(
        policy: Option<Policy>,
        tls: Arc<rustls::ClientConfig>,
        connect_timeout: Duration,
        tasks: Tasks,
    ) -> Self {
        let mut http1 = (*tls).clone();
        http1.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (tls, tls_http1) = (TlsConnector::from(tls), TlsConnector::from(Arc::new(http1)));
        Self { policy, tls, tls_http1, connect_timeout, tasks }
    }

    /// Resolves the target and judges its addresses without connecting.
    ///
    /// # Errors
    /// When the name does not resolve, or all its addresses are refused.
    pub async fn check(&self, target: &Target) -> Result<(), UpstreamError> {
        self.bounded(self.addresses(target)).await.map(|_| ())
    }

    /// A new connection, ready for a request. With `may_switch` it speaks HTTP/1.1, because `Upgrade` means nothing in
    /// HTTP/2 (RFC 9113, section 8.2.2).
    ///
    /// # Errors
    /// When no allowed address accepts a connection, the TLS handshake fails, or all this takes too long.
    pub async fn connect(&self, target: &Target, may_switch: bool) -> Result<Connection, UpstreamError> {
        self.bounded(async {
            let stream = dial(self.addresses(target).await?).await?;
            match target.scheme() {
                Scheme::Http => self.speak_http1(stream).await,
                Scheme::Https => {
                    let tls = if may_switch { &self.tls_http1 } else { &self.tls };
                    self.speak_over_tls(tls, target, stream).await
                }
            }
        })
        .await
    }

    /// Boxed, because few requests open a connection, and each would make room for all that one takes.
    fn bounded<T>(
        &self,
        work: impl Future<Output = Result<T, UpstreamError>>,
    ) -> impl Future<Output = Result<T, UpstreamError>> {
        let (limit, work) = (self.connect_timeout, Box::pin(work));
        async move { timeout(limit, work).await.unwrap_or(Err(UpstreamError::ConnectTimeout(limit))) }
    }

    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, UpstreamError> {
        let mut addresses: Vec<SocketAddr> = match target.host() {
            Host::Address(address) => vec![(*address, target.port()).into()],
            Host::Name(name) => {
                lookup_host((&**name, target.port())).await.map_err(UpstreamError::Dns)?.collect()
            }
        };
        if addresses.is_empty() {
            return Err(UpstreamError::Dns(io::Error::other("the name has no address")));
        }
        if let Some(policy) = &self.policy {
            addresses.retain(|address| policy.judge_address(address.ip()).is_ok());
        }
        if addresses.is_empty() { Err(UpstreamError::AddressDenied) } else { Ok(addresses) }
    }

    async fn speak_over_tls(
        &self,
        tls: &TlsConnector,
        target: &Target,
        stream: TcpStream,
    ) -> Result<Connection, UpstreamError> {
        let name = match target.host() {
            Host::Name(name) => ServerName::try_from(name.to_string())
                .map_err(|error| UpstreamError::Tls(io::Error::other(error)))?,
            Host::Address(address) => ServerName::from(*address),
        };
        let stream = tls.connect(name, stream).await.map_err(UpstreamError::Tls)?;
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.speak_http2(stream).await
        } else {
            self.speak_http1(stream).await
        }
    }

    async fn speak_http1(&self, stream: impl Stream) -> Result<Connection, UpstreamError> {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MOST_BUFFERED)
            .handshake::<_, RequestBody>(TokioIo::new(stream))
            .await
            .map_err(UpstreamError::Exchange)?;
        self.tasks.spawn(async move {
            // Whoever sent the request learns of the error too, and reports it.
            let _ = connection.with_upgrades().await;
        });
        Ok(Connection::Http1(sender))
    }

    async fn speak_http2(&self, stream: impl Stream) -> Result<Connection, UpstreamError> {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .adaptive_window(true)
            .keep_alive_interval(Duration::from_secs(30))
            .handshake::<_, RequestBody>(TokioIo::new(stream))
            .await
            .map_err(UpstreamError::Exchange)?;
        self.tasks.spawn(async move {
            // Whoever sent the request learns of the error too, and reports it.
            let _ = connection.await;
        });
        Ok(Connection::Http2(sender))
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// The first connection that opens. Addresses of both families are tried in turn, each with a head start.
async fn dial(addresses: Vec<SocketAddr>) -> Result<TcpStream, UpstreamError> {
    let mut waiting = by_turns(addresses).into_iter();
    let mut tries = JoinSet::new();
    let mut last_error = io::Error::other("no address to connect to");
    loop {
        let more = match waiting.next() {
            Some(address) => {
                tries.spawn(open(address));
                true
            }
            None => false,
        };
        tokio::select! {
            Some(outcome) = tries.join_next() => match outcome {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last_error = error,
                Err(lost) => last_error = io::Error::other(lost),
            },
            () = sleep(HEAD_START), if more => {}
            else => return Err(UpstreamError::Connect(last_error)),
        }
    }
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The same addresses, families alternating, starting with the resolver's first choice (RFC 8305, section 4).
fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut first = first.into_iter();
    let mut second = second.into_iter();
    let mut mixed = Vec::new();
    while first.len() + second.len() > 0 {
        mixed.extend(first.next());
        mixed.extend(second.next());
    }
    mixed
}
