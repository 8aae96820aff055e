//! Sends attache's own requests in the way of callers' requests: it verifies certificates, and applies the policy and
//! the proxy variables to requests to upstreams.

use crate::config::Config;
use crate::config::upstream::{UpstreamProtocol, UpstreamTlsFiles};
use crate::dial::dialer::Dialer;
use crate::dial::resolver::Resolver;
use crate::model::target::{Scheme, Target};
use crate::proxy::connector::Connector;
use crate::proxy::error::UpstreamError;
use crate::proxy::error_log::ErrorLog;
use crate::proxy::loops::OwnListeners;
use crate::proxy::pool::Pool;
use crate::proxy::request_body::RequestBody;
use crate::proxy::upstream::Upstream;
use crate::tasks::Tasks;
use crate::tls::client::{TrustError, UpstreamTls};
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Limited};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The maximum size of a response, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Sends requests, all with the same timeout.
pub(super) struct Fetcher {
    upstream: Upstream,
    timeout: Duration,
}

/// Why a request got no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The URL is not an absolute http or https URL.
    #[error("{0:?} is no http or https URL")]
    Url(String),
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
    /// Creates a fetcher that reaches any host, and trusts the system's certificate authorities.
    ///
    /// # Errors
    /// When these authorities cannot be loaded.
    pub(super) fn to_anywhere(timeout: Duration) -> Result<Self, TrustError> {
        // Without any authorities, plain http still works.
        let tls = Arc::new(UpstreamTls::load(Scheme::Http, UpstreamTlsFiles::default())?);
        let connector = Connector {
            policy: None,
            resolver: Resolver::default(),
            dialer: Dialer::at_most(None),
            connect_to: None,
            own: OwnListeners::default(),
            parent_proxy: None,
            protocol: UpstreamProtocol::Auto,
            tls,
            connect_timeout: timeout,
            tasks: Tasks::default(),
        };
        Ok(Self::through(connector, timeout))
    }

    /// Creates a fetcher that reaches upstreams as the proxy does.
    ///
    /// # Errors
    /// When the TLS files for upstreams cannot be used.
    pub(super) fn to_upstreams(config: &Config, timeout: Duration) -> Result<Self, TrustError> {
        let tls = UpstreamTls::load(config.routing.scheme(), config.upstream.tls.clone())?;
        let connector =
            Connector::configured(config, OwnListeners::default(), Arc::new(tls), Tasks::default());
        let connect_timeout = timeout.min(connector.connect_timeout);
        Ok(Self::through(Connector { connect_timeout, ..connector }, timeout))
    }

    fn through(connector: Connector, timeout: Duration) -> Self {
        let pool = Pool::new(timeout, &connector.tasks);
        let error_log = ErrorLog::new(&connector.tasks);
        Self { upstream: Upstream::new(connector, pool, timeout, error_log), timeout }
    }

    /// Sends a request made by [`get`], and reads the whole response.
    pub(super) async fn send(
        &self,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Bytes>, FetchError> {
        let target = target(request.uri())?;
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
    let uri: Uri = url.parse().map_err(|_| FetchError::Url(url.to_owned()))?;
    target(&uri)?;
    let mut request = Request::new(RequestBody::empty());
    *request.uri_mut() = uri;
    Ok(request)
}

fn target(uri: &Uri) -> Result<Target, FetchError> {
    let refused = || FetchError::Url(uri.to_string());
    let scheme = match uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        Some(_) | None => return Err(refused()),
    };
    let authority = uri.authority().ok_or_else(refused)?;
    Ok(Target::new(scheme, authority.as_str().parse().map_err(|_| refused())?))
}
