//! Exchanges a JWT for a credential of another party (RFC 8693, RFC 7523, and plain logins).

/// The request.
mod call;
/// Its answer.
mod answer;
/// What a party says when it gives nothing.
mod refusal;

use super::error::CredentialError;
use super::exchange_error::{ExchangeError, FailureClass, Problem, UnusableAnswer};
use super::{Credential, CredentialSource, Fetch, Fetched};
use crate::clock::{Clock, Timestamp};
use crate::http_client::{Bounds, HttpClient, HttpError};
use crate::legible;
use crate::model::credential_spec::{CredentialSpec, NamedExchange};
use crate::model::exchange::Hop;
use crate::telemetry::labels::AudienceLabel;
use crate::telemetry::metrics::Metrics;
use answer::Exchanged;
use bytes::Bytes;
use http::Response;
use http::header::{LOCATION, RETRY_AFTER};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The bounds of one token request.
const BOUNDS: Bounds = Bounds { timeout: Duration::from_secs(30), max_answer: 1024 * 1024 };
/// The longest `Retry-After` that is obeyed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);
/// The most of the reason why an endpoint cannot be reached, in bytes.
const MAX_REASON: usize = 256;
/// The headers in which parties name a request.
const REQUEST_IDS: [&str; 3] = ["request-id", "x-request-id", "x-ms-request-id"];

/// Gives the credential of each spec: the token itself, or what it is exchanged for.
pub struct ExchangeSource {
    tokens: Arc<dyn CredentialSource>,
    make_client: Box<MakeClient>,
    /// Made for the first exchange, because most runs have none and the authorities of the system take memory.
    client: OnceLock<HttpClient>,
    clock: Clock,
    metrics: Metrics,
}

/// Makes the client for token endpoints, or says why there is none.
pub type MakeClient = dyn Fn() -> Result<HttpClient, String> + Send + Sync;

impl CredentialSource for ExchangeSource {
    fn fetch<'a>(&'a self, spec: &'a CredentialSpec) -> Fetch<'a> {
        match spec.exchange() {
            Some(exchange) => Box::pin(self.exchanged(spec, exchange)),
            None => self.tokens.fetch(spec),
        }
    }
}

impl ExchangeSource {
    /// Exchanges these tokens by requests of the client that is made for the first exchange.
    pub fn new(
        tokens: Arc<dyn CredentialSource>,
        make_client: Box<MakeClient>,
        clock: Clock,
        metrics: Metrics,
    ) -> Self {
        Self { tokens, make_client, client: OnceLock::new(), clock, metrics }
    }

    fn client(&self) -> Result<&HttpClient, Problem> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = (self.make_client)().map_err(Problem::Unreachable)?;
        Ok(self.client.get_or_init(|| client))
    }

    /// One attempt, and another at once where the party does not say why it refuses: a JWT that was used before, or a clock that
    /// is a little wrong, is no reason to wait.
    async fn exchanged(
        &self,
        spec: &CredentialSpec,
        named: &NamedExchange,
    ) -> Result<Fetched, CredentialError> {
        match self.attempt(spec, named).await {
            Err(CredentialError::Exchange(error)) if error.class() == FailureClass::Opaque => {
                self.attempt(spec, named).await
            }
            outcome => outcome,
        }
    }

    /// Each attempt has a JWT of its own, because some parties take one once.
    async fn attempt(
        &self,
        spec: &CredentialSpec,
        named: &NamedExchange,
    ) -> Result<Fetched, CredentialError> {
        let fetched = self.token(spec).await?;
        let (started, issued) = (Instant::now(), self.clock.timestamp());
        let outcome = self.exchange(named, &fetched.credential, issued).await;
        let counted = outcome.as_ref().map(|_| ()).map_err(|error| error.class().as_str());
        self.metrics.exchange(&named.credential, counted, started.elapsed());
        Ok(Fetched { credential: outcome?, ..fetched })
    }

    async fn token(&self, spec: &CredentialSpec) -> Result<Fetched, CredentialError> {
        let (started, label) = (Instant::now(), AudienceLabel::new(spec.audiences()));
        let outcome = self.tokens.fetch(spec).await;
        let counted = outcome.as_ref().map(|_| ()).map_err(CredentialError::class);
        self.metrics.token_fetch(&label, counted, started.elapsed());
        outcome
    }

    async fn exchange(
        &self,
        named: &NamedExchange,
        jwt: &Credential,
        issued: Timestamp,
    ) -> Result<Credential, ExchangeError> {
        let failed = |problem| ExchangeError { party: named.exchange.party.clone(), problem };
        let mut result = Exchanged { token: jwt.expose().to_owned(), expires: jwt.expires() };
        for hop in named.exchange.hops() {
            result = self.hop(hop, &result, issued.wall).await.map_err(failed)?;
        }
        let placement = Arc::new(named.exchange.placement.clone());
        Credential::placed(placement, &result.token, issued, result.expires)
            .map_err(|_| failed(UnusableAnswer::Characters.into()))
    }

    async fn hop(&self, hop: &Hop, before: &Exchanged, now: SystemTime) -> Result<Exchanged, Problem> {
        let request = call::request(hop, &before.token).ok_or(Problem::Unsendable)?;
        let answer = self.client()?.send(request, BOUNDS).await.map_err(|error| match error {
            HttpError::TooLarge(_) => Problem::Unusable(UnusableAnswer::TooLong),
            HttpError::Url(_)
            | HttpError::Resolve(_)
            | HttpError::Connect(_)
            | HttpError::ParentProxy(..)
            | HttpError::Tls(_)
            | HttpError::Exchange(_)
            | HttpError::Timeout(_) => Problem::Unreachable(legible::line(&error.to_string(), MAX_REASON)),
        })?;
        match answer.status().as_u16() {
            200..300 => Ok(Exchanged::read(&hop.result, answer.body(), now, before.expires)?),
            300..400 => {
                Err(UnusableAnswer::Redirect(text(&answer, LOCATION.as_str()).unwrap_or_default()).into())
            }
            status => {
                let id = REQUEST_IDS.iter().find_map(|name| text(&answer, name));
                let refusal = refusal::read(hop.errors, status, answer.body(), id.as_deref());
                Err(Problem::Refused { refusal, retry_after: retry_after(&answer, now) })
            }
        }
    }
}

fn text(answer: &Response<Bytes>, name: &str) -> Option<String> {
    Some(legible::line(answer.headers().get(name)?.to_str().ok()?, 128))
}

/// How long the party asks to be left alone: in seconds, or until a date.
fn retry_after(answer: &Response<Bytes>, now: SystemTime) -> Option<Duration> {
    let value = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(pause.min(MAX_RETRY_AFTER))
}
