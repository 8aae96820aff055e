//! Sends requests of the commands: to upstreams in the way of callers' requests, with the policy and the proxy variables, and to
//! any other host directly.

use crate::config::Config;
use crate::config::upstream::UpstreamConfig;
use crate::config::upstream::UpstreamTlsFiles;
use crate::http_client::{self, Bounds, HttpClient, HttpError};
use crate::model::target::Scheme;
use crate::proxy::connector::Connector;
use crate::proxy::error::UpstreamError;
use crate::proxy::error_log::ErrorLog;
use crate::proxy::loops::OwnListeners;
use crate::proxy::pools::Pools;
use crate::proxy::request_body::RequestBody;
use crate::proxy::upstream::Upstream;
use crate::tasks::Tasks;
use crate::tls::client::{Alpn, TrustError, UpstreamTls};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The maximum size of a response, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// A client that reaches any host directly, and trusts the system's certificate authorities.
///
/// # Errors
/// When these authorities cannot be loaded.
pub(super) fn client() -> Result<HttpClient, TrustError> {
    // Without any authorities, plain http still works.
    let tls = UpstreamTls::load(Scheme::Http, UpstreamTlsFiles::default())?;
    Ok(HttpClient::new(Some(tls.connector(Alpn::Http1)), None))
}

/// The bounds of a request with this timeout.
pub(super) fn bounds(timeout: Duration) -> Bounds {
    Bounds { timeout, max_answer: MAX_ANSWER }
}

/// Sends requests to upstreams, all with the same timeout.
pub(super) struct Fetcher {
    upstream: Upstream,
    timeout: Duration,
}

/// Why a request to an upstream got no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The URL is not an absolute http or https URL.
    #[error(transparent)]
    Url(#[from] HttpError),
    /// The server cannot be reached, or breaks the protocol or the connection.
    #[error("{0}")]
    Upstream(#[from] UpstreamError),
    /// The response is too large, or ends too early.
    #[error("the answer cannot be read")]
    Answer(#[source] Box<dyn Error + Send + Sync>),
    /// The response takes too long.
    #[error("no answer within {}s", .0.as_secs())]
    Timeout(Duration),
}

impl Fetcher {
    /// Creates a fetcher that reaches upstreams as the proxy does.
    ///
    /// # Errors
    /// When the TLS files for upstreams cannot be used.
    pub(super) fn to_upstreams(config: &Config, timeout: Duration) -> Result<Self, TrustError> {
        let route = config.route();
        let tls = UpstreamTls::load(route.routing.scheme(), route.upstream.tls.clone())?;
        let connector =
            Connector::configured(route, OwnListeners::default(), Arc::new(tls), Tasks::default());
        let connect_timeout = timeout.min(connector.connect_timeout);
        let connector = Connector { connect_timeout, ..connector };
        let pools = Pools::new(&connector.tasks);
        let upstream = UpstreamConfig { timeout, idle_timeout: timeout, ..route.upstream.clone() };
        let error_log = ErrorLog::new(&connector.tasks);
        Ok(Self { upstream: Upstream::new(connector, &pools, &upstream, error_log), timeout })
    }

    /// Sends a request made by [`get`], and reads the whole response.
    pub(super) async fn send(
        &self,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Bytes>, FetchError> {
        let target = http_client::target(request.uri())?;
        let answer = async {
            let (answer, _lease) = self.upstream.send(&target, &mut request, None).await?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(FetchError::Answer)?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        timeout(self.timeout, answer).await.unwrap_or(Err(FetchError::Timeout(self.timeout)))
    }
}

/// Creates a GET request for an absolute `http` or `https` URL.
pub(super) fn get(url: &str) -> Result<Request<RequestBody>, FetchError> {
    Ok(http_client::get(url)?.map(|_| RequestBody::empty()))
}
