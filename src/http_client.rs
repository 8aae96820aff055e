//! The one HTTP client for requests that attache makes itself and that are no caller's: to collectors, to issuers, to its own
//! listener.
//!
//! One request has one deadline over look-up, connection, TLS and response, and the response is bounded in size. Redirects are
//! answers like others, since what a request carries is meant for the party that it names. Nothing is logged here, and no error
//! holds a body.

use crate::dial::dialer::{Dialer, Socket};
use crate::dial::resolver::Resolver;
use crate::dial::tunnel;
use crate::dial::tunnel_error::TunnelError;
use crate::model::parent_proxy::ParentProxy;
use crate::model::target::{Host, Scheme, Target};
use crate::redact;
use crate::tasks::{Owned, Tasks};
use bytes::Bytes;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::error::Error;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The maximum size of a response's header in bytes.
const MAX_HEADER: usize = 64 * 1024;

/// Why a request got no whole response.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The URL is not an absolute http or https URL. It is held without what may be a secret in it.
    #[error("{0:?} is no http or https URL")]
    Url(String),
    /// The name does not resolve.
    #[error("the name cannot be resolved: {0}")]
    Resolve(#[source] io::Error),
    /// No address accepts a connection.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// The HTTP proxy on the way, named with its variable, opens no tunnel.
    #[error("through {0}: {1}")]
    ParentProxy(String, #[source] TunnelError),
    /// The TLS handshake fails.
    #[error("TLS failed: {0}")]
    Tls(#[source] io::Error),
    /// The connection breaks, or the response is no HTTP.
    #[error("no usable response: {0}")]
    Exchange(#[source] hyper::Error),
    /// The body of the response is larger than so many bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The response takes longer.
    #[error("no answer within {}s", .0.as_secs())]
    Timeout(Duration),
}

/// The bounds of one request.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The time for everything, from the look-up of the name to the end of the response.
    pub timeout: Duration,
    /// The maximum size of the response's body in bytes.
    pub max_answer: usize,
}

/// Sends requests to the hosts that their URLs name. Cloning is cheap and shares what is known of names.
#[derive(Clone)]
pub struct HttpClient {
    tls: Option<TlsConnector>,
    parent_proxy: Option<ParentProxy>,
    resolver: Resolver,
    dialer: Dialer,
}

impl HttpClient {
    /// A client that speaks HTTP/1.1 over this TLS, which must offer nothing else (ALPN), and through this HTTP proxy to the
    /// hosts that the proxy carries. Without TLS, requests with an https URL fail.
    pub fn new(tls: Option<TlsConnector>, parent_proxy: Option<ParentProxy>) -> Self {
        Self { tls, parent_proxy, resolver: Resolver::default(), dialer: Dialer::at_most(None) }
    }

    /// Sends one request over a connection of its own, and reads the whole response, whatever its status.
    ///
    /// # Errors
    /// When there is no whole response within the bounds.
    pub async fn send(&self, request: Request<Bytes>, bounds: Bounds) -> Result<Response<Bytes>, HttpError> {
        let answer = async {
            let mut connection = self.connect(request.uri()).await?;
            let answer = connection.send(request).await.map_err(HttpError::Exchange)?;
            read(answer, bounds.max_answer).await
        };
        timeout(bounds.timeout, answer).await.unwrap_or(Err(HttpError::Timeout(bounds.timeout)))
    }

    /// Connects to the host that a URL names. The caller bounds the time.
    ///
    /// # Errors
    /// When the URL is no absolute http or https URL, or there is no connection.
    pub async fn connect(&self, url: &Uri) -> Result<HttpConnection, HttpError> {
        let target = target(url)?;
        match self.parent_proxy.as_ref().filter(|parent_proxy| parent_proxy.carries(&target)) {
            None => {
                let place = (target.host(), target.port(), target.is_absolute());
                let addresses = self.resolver.addresses(place).await.map_err(HttpError::Resolve)?;
                let socket = self.dialer.dial(addresses).await.map_err(HttpError::Connect)?;
                self.speak(&target, socket).await
            }
            Some(parent_proxy) => {
                let failed = |error| {
                    HttpError::ParentProxy(format!("{parent_proxy} of {}", parent_proxy.variable), error)
                };
                let socket = self.reach(parent_proxy).await.map_err(failed)?;
                let tunnel = tunnel::open(parent_proxy, socket, &target).await;
                self.speak(&target, tunnel.map_err(failed)?).await
            }
        }
    }

    async fn reach(&self, parent_proxy: &ParentProxy) -> Result<Socket, TunnelError> {
        let addresses = self.resolver.addresses(parent_proxy.place()).await.map_err(TunnelError::Dns)?;
        self.dialer.dial(addresses).await.map_err(TunnelError::Connect)
    }

    async fn speak(
        &self,
        target: &Target,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<HttpConnection, HttpError> {
        if target.scheme() == Scheme::Http {
            return HttpConnection::over(stream).await.map_err(HttpError::Exchange);
        }
        let name = match target.host() {
            Host::Name(name) => ServerName::try_from(name.to_string())
                .map_err(|error| HttpError::Tls(io::Error::other(error)))?,
            Host::Address(address) => ServerName::from(*address),
        };
        let tls = self.tls.as_ref().ok_or_else(|| HttpError::Tls(io::Error::other("it is not set up")))?;
        let stream = tls.connect(name, stream).await.map_err(HttpError::Tls)?;
        HttpConnection::over(stream).await.map_err(HttpError::Exchange)
    }
}

/// A connection that carries requests one after the other. Dropping it closes it.
pub struct HttpConnection {
    sender: SendRequest<Full<Bytes>>,
    _driver: Owned,
}

impl HttpConnection {
    /// Speaks HTTP/1.1 over a stream.
    ///
    /// # Errors
    /// When the stream has failed already.
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Self, hyper::Error> {
        let handshake = http1::Builder::new().max_buf_size(MAX_HEADER).handshake(TokioIo::new(stream));
        let (sender, driver) = handshake.await?;
        let driver = Tasks::default().spawn(async {
            // The sender gets the error too.
            let _ = driver.await;
        });
        Ok(Self { sender, _driver: driver.into() })
    }

    /// Whether the server has closed the connection.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends a request, and returns its response once the header is there. The host of the URL becomes the `Host` field unless
    /// there is one, and its path the target (RFC 9112, section 3.2.1).
    ///
    /// # Errors
    /// When the connection breaks, or the response is no HTTP.
    pub async fn send(&mut self, mut request: Request<Bytes>) -> Result<Response<Incoming>, hyper::Error> {
        let url = std::mem::take(request.uri_mut());
        if let Some(authority) = url.authority() {
            let host =
                HeaderValue::try_from(authority.as_str()).expect("a URL's authority is a header value");
            request.headers_mut().entry(HOST).or_insert(host);
        }
        let path = url.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        *request.uri_mut() = path.into();
        self.sender.ready().await?;
        self.sender.send_request(request.map(Full::new)).await
    }
}

/// Reads the body of a response, of so many bytes at most. The connection must be kept meanwhile.
///
/// # Errors
/// When the body is larger or breaks off.
pub async fn read(response: Response<Incoming>, most: usize) -> Result<Response<Bytes>, HttpError> {
    let (head, body) = response.into_parts();
    match Limited::new(body, most).collect().await {
        Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
        Err(error) => Err(broken(error, most)),
    }
}

fn broken(error: Box<dyn Error + Send + Sync>, most: usize) -> HttpError {
    match error.downcast::<hyper::Error>() {
        Ok(error) => HttpError::Exchange(*error),
        Err(_) => HttpError::TooLarge(most),
    }
}

/// Creates a GET request for an absolute `http` or `https` URL.
///
/// # Errors
/// When it is no such URL.
pub fn get(url: &str) -> Result<Request<Bytes>, HttpError> {
    let url: Uri = url.parse().map_err(|_| not_http(url))?;
    target(&url)?;
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = url;
    Ok(request)
}

/// The scheme, host and port that a URL names.
///
/// # Errors
/// When it is no absolute `http` or `https` URL.
pub fn target(url: &Uri) -> Result<Target, HttpError> {
    let refused = || not_http(&url.to_string());
    let scheme = match url.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        Some(_) | None => return Err(refused()),
    };
    let authority = url.authority().ok_or_else(refused)?;
    Ok(Target::new(scheme, authority.as_str().parse().map_err(|_| refused())?))
}

fn not_http(url: &str) -> HttpError {
    HttpError::Url(redact::without_credentials(url))
}

#[cfg(test)]
#[path = "http_client_tests.rs"]
mod tests;
