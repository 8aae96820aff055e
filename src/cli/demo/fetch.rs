//! One HTTP exchange on a connection of its own. It knows no proxy variables, so it never leaves for another machine.

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an exchange may take. A proxy that waits for a token takes the longest.
const PATIENCE: Duration = Duration::from_secs(15);
/// Largest answer read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The address is of another kind.
    #[error("{0:?} is no http URL")]
    Url(String),
    /// Nobody answers there.
    #[error("cannot connect to {0}")]
    Connect(String, #[source] io::Error),
    /// The other side broke the protocol or the connection.
    #[error("the exchange failed")]
    Exchange(#[from] hyper::Error),
    /// The answer is too large, or ends too early.
    #[error("the answer cannot be read")]
    Answer(#[source] Box<dyn Error + Send + Sync>),
    /// It takes too long.
    #[error("no answer within {}s", PATIENCE.as_secs())]
    Timeout,
}

/// A request for an absolute `http` URL.
pub(super) fn get(url: &str) -> Result<Request<Empty<Bytes>>, FetchError> {
    let refused = || FetchError::Url(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| refused())?;
    let host = match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(authority)) => {
            HeaderValue::try_from(authority.as_str()).map_err(|_| refused())?
        }
        _ => return Err(refused()),
    };
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri;
    request.headers_mut().insert(HOST, host);
    Ok(request)
}

/// Sends a request made by [`get`] and reads the whole answer.
pub(super) async fn send(request: Request<Empty<Bytes>>) -> Result<Response<Bytes>, FetchError> {
    timeout(PATIENCE, exchange(request)).await.unwrap_or(Err(FetchError::Timeout))
}

async fn exchange(mut request: Request<Empty<Bytes>>) -> Result<Response<Bytes>, FetchError> {
    let uri = request.uri();
    let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
    let address = format!("{host}:{port}");
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| FetchError::Url(address.clone()))?;

    let stream =
        TcpStream::connect(&address).await.map_err(|error| FetchError::Connect(address.clone(), error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(FetchError::Answer)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    // What ends a connection early is what the answer fails with.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}
