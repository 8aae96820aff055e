//! A request of attache's own, sent the way that callers' requests go to upstreams: it heeds no proxy variable, verifies
//! certificates, and judges addresses where a policy is given.

use crate::proxy::body::RequestBody;
use crate::proxy::connector::Connector;
use crate::proxy::error::UpstreamError;
use crate::proxy::policy::Policy;
use crate::proxy::pool::Pool;
use crate::proxy::target::{Scheme, Target};
use crate::proxy::trust::{self, TrustError};
use crate::proxy::upstream::Upstream;
use crate::tasks::Tasks;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Limited};
use rustls::ClientConfig;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Largest answer read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Sends requests, each within the same time.
pub(super) struct Fetcher {
    upstream: Upstream,
    patience: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The address is of another kind.
    #[error("{0:?} is no http or https URL")]
    Url(String),
    /// The other side cannot be reached, or breaks the protocol or the connection.
    #[error("{0}")]
    Upstream(#[from] UpstreamError),
    /// The answer is too large, or ends too early.
    #[error("the answer cannot be read")]
    Answer(#[source] Box<dyn Error + Send + Sync>),
    /// It takes too long.
    #[error("no answer within {}s", .0.as_secs())]
    Timeout(Duration),
}

impl Fetcher {
    /// Reaches any host, trusting the system's certificate authorities.
    ///
    /// # Errors
    /// When those cannot be set up.
    pub(super) fn to_anywhere(patience: Duration) -> Result<Self, TrustError> {
        // A machine without authorities may still reach what is plain http.
        Ok(Self::new(None, trust::client_config(Scheme::Http, None)?, patience))
    }

    /// Reaches what this policy allows, or any host without one, and trusts what `tls` does.
    pub(super) fn new(policy: Option<Policy>, tls: Arc<ClientConfig>, patience: Duration) -> Self {
        let tasks = Tasks::default();
        let connector = Connector::new(policy, tls, patience, tasks.clone());
        Self { upstream: Upstream::new(connector, Pool::new(patience, &tasks), patience), patience }
    }

    /// Sends a request made by [`get`] and reads the whole answer.
    pub(super) async fn send(&self, request: Request<RequestBody>) -> Result<Response<Bytes>, FetchError> {
        let target = target(request.uri())?;
        let answer = async {
            let (answer, _lease) = self.upstream.send(&target, request).await?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(FetchError::Answer)?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        timeout(self.patience, answer).await.unwrap_or(Err(FetchError::Timeout(self.patience)))
    }
}

/// A request for an absolute `http` or `https` URL.
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
