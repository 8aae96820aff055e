//! Delivers telemetry to its collector over one connection for metrics and one for spans. A connection stays open, and
//! is replaced when it is lost. What cannot be delivered is dropped, and logged once.

use crate::config::otel::Collector;
use crate::diagnostics::DiagnosticCode;
use crate::keepalive;
use crate::tasks::{Owned, Panicked, Tasks, caught};
use http::header::HOST;
use http::uri::{PathAndQuery, Uri};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use rustls::pki_types::ServerName;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The maximum size of a response that is read; a successful response is empty.
const MAX_RESPONSE: usize = 64 * 1024;

/// Sends requests through an [`ExportTask`]. It works on any thread, inside or outside a runtime.
pub(super) struct OtlpClient(mpsc::Sender<Export>);

struct Export {
    request: Request<Bytes>,
    reply: oneshot::Sender<Result<Response<Bytes>, DeliveryError>>,
}

/// Why telemetry was not delivered.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error("no connection: {0}")]
    Connect(#[source] io::Error),
    #[error("no usable answer: {0}")]
    Exchange(#[source] hyper::Error),
    #[error("an answer that cannot be read: {0}")]
    Answer(#[source] HttpError),
    #[error("the collector answers {0}")]
    Status(StatusCode),
    #[error("no answer within {0:?}")]
    Late(Duration),
    #[error("the delivery ended in a panic")]
    Panicked,
}

impl fmt::Debug for OtlpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtlpClient")
    }
}

impl HttpClient for OtlpClient {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let (reply, delivered) = oneshot::channel();
            self.0.send(Export { request, reply }).await?;
            Ok(delivered.await??)
        })
    }
}

/// Starts the task that delivers `signal`, as the log names it, until the last client is dropped.
pub(super) fn open(
    collector: Collector,
    signal: &'static str,
    tls: Option<TlsConnector>,
    tasks: &Tasks,
) -> OtlpClient {
    let (sender, exports) = mpsc::channel(1);
    let task = ExportTask { collector, signal, tls, connection: None, failures: 0 };
    tasks.spawn(task.run(exports));
    OtlpClient(sender)
}

struct ExportTask {
    collector: Collector,
    signal: &'static str,
    tls: Option<TlsConnector>,
    connection: Option<Connection>,
    /// The number of failed deliveries since the last successful one.
    failures: u64,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    _driver: Owned,
}

impl ExportTask {
    async fn run(mut self, mut exports: mpsc::Receiver<Export>) {
        while let Some(Export { request, reply }) = exports.recv().await {
            let limit = self.collector.timeout;
            let outcome = match timeout(limit, caught(self.deliver(request))).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(Panicked)) => Err(DeliveryError::Panicked),
                Err(_) => Err(DeliveryError::Late(limit)),
            };
            self.report(&outcome);
            if outcome.is_err() {
                self.connection = None;
            }
            // The sender may have stopped waiting.
            let _ = reply.send(outcome);
        }
    }

    async fn deliver(&mut self, mut request: Request<Bytes>) -> Result<Response<Bytes>, DeliveryError> {
        let uri = std::mem::take(request.uri_mut());
        let authority = uri.authority().map_or("", http::uri::Authority::as_str);
        let authority = HeaderValue::try_from(authority).expect("a URL's authority is a header value");
        *request.uri_mut() =
            uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")).into();
        request.headers_mut().insert(HOST, authority);
        request.headers_mut().extend(self.collector.headers.iter().cloned());
        let mut connection = match self.connection.take().filter(|open| !open.sender.is_closed()) {
            Some(open) => open,
            None => self.connect(&uri).await?,
        };
        connection.sender.ready().await.map_err(DeliveryError::Exchange)?;
        let answer = connection.sender.send_request(request.map(Full::new)).await;
        let (parts, body) = answer.map_err(DeliveryError::Exchange)?.into_parts();
        if !parts.status.is_success() {
            return Err(DeliveryError::Status(parts.status));
        }
        let body = Limited::new(body, MAX_RESPONSE).collect().await.map_err(DeliveryError::Answer)?;
        self.connection = Some(connection);
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    async fn connect(&self, uri: &Uri) -> Result<Connection, DeliveryError> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await.map_err(DeliveryError::Connect)?;
        keepalive::enable(&stream).map_err(DeliveryError::Connect)?;
        match self.tls.as_ref().filter(|_| secure) {
            None => speak(stream).await,
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned());
                let name = name.map_err(|error| DeliveryError::Connect(io::Error::other(error)))?;
                speak(tls.connect(name, stream).await.map_err(DeliveryError::Connect)?).await
            }
        }
    }

    fn report(&mut self, outcome: &Result<Response<Bytes>, DeliveryError>) {
        let (signal, endpoint) = (self.signal, &self.collector.endpoint);
        match outcome {
            Ok(_) if self.failures > 0 => {
                tracing::info!(signal, endpoint, failures = self.failures, "telemetry is delivered again");
                self.failures = 0;
            }
            Ok(_) => {}
            Err(error) => {
                self.failures += 1;
                if self.failures == 1 {
                    let diagnostic = DiagnosticCode::CollectorUnreachable;
                    let (code, see) = (diagnostic.code(), diagnostic.see());
                    let hint = "check OTEL_EXPORTER_OTLP_ENDPOINT, and that a collector listens there for http/protobuf";
                    tracing::warn!(code, see, signal, endpoint, %error, hint, "telemetry is not delivered");
                }
            }
        }
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Connection, DeliveryError> {
    let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(DeliveryError::Exchange)?;
    let driver = Tasks::default().spawn(async {
        // The sender gets the error too, and logs it.
        let _ = driver.await;
    });
    Ok(Connection { sender, _driver: driver.into() })
}
