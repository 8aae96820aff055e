//! Delivers telemetry to its collector over one connection for metrics and one for spans. A connection stays open, and
//! is replaced when it is lost. What cannot be delivered is dropped, and logged once.

use crate::config::otel::Collector;
use crate::diagnostics::DiagnosticCode;
use crate::http_client::{self, HttpClient, HttpConnection, HttpError};
use crate::tasks::{Panicked, Tasks, caught};
use http::{Request, Response, StatusCode};
use opentelemetry_http::{Bytes, HttpClient as ExporterClient, HttpError as ExporterError};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::time::Duration;
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

impl ExporterClient for OtlpClient {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, ExporterError>> + Send + 'f>>
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
    let task =
        ExportTask { collector, signal, client: HttpClient::new(tls, None), connection: None, failures: 0 };
    tasks.spawn(task.run(exports));
    OtlpClient(sender)
}

struct ExportTask {
    collector: Collector,
    signal: &'static str,
    client: HttpClient,
    connection: Option<HttpConnection>,
    /// The number of failed deliveries since the last successful one.
    failures: u64,
}

/// Sorts the failures of a connection.
impl From<HttpError> for DeliveryError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Resolve(error) | HttpError::Connect(error) | HttpError::Tls(error) => {
                Self::Connect(error)
            }
            HttpError::Exchange(error) => Self::Exchange(error),
            HttpError::Timeout(limit) => Self::Late(limit),
            error @ (HttpError::Url(_) | HttpError::ParentProxy(..)) => {
                Self::Connect(io::Error::other(error))
            }
            error @ HttpError::TooLarge(_) => Self::Answer(error),
        }
    }
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
        request.headers_mut().extend(self.collector.headers.iter().cloned());
        let mut connection = match self.connection.take().filter(|open| !open.is_closed()) {
            Some(open) => open,
            None => self.client.connect(request.uri()).await?,
        };
        let answer = connection.send(request).await.map_err(DeliveryError::Exchange)?;
        if !answer.status().is_success() {
            return Err(DeliveryError::Status(answer.status()));
        }
        let answer = http_client::read(answer, MAX_RESPONSE).await.map_err(DeliveryError::Answer)?;
        self.connection = Some(connection);
        Ok(answer)
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
