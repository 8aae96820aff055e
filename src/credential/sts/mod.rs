//! `GetWebIdentityToken`: the only folder that knows AWS.

/// Where credentials, region and endpoint come from.
pub mod credentials_source;
/// The endpoint at which STS is called.
mod endpoint;
/// How long an answer may be.
mod answer_size;
/// How calls to AWS reach it.
mod transport;
/// What the SDK's errors say.
mod refusal;
/// The providers of credentials.
mod providers;
/// The program of a `credential_process`.
mod credential_process;
/// AWS's configuration and credentials files, as files.
mod aws_files;
/// What AWS's configuration and credentials files say.
mod profiles;
/// The AWS session that a token must not outlive.
mod session;
/// How far the machine's clock is from AWS's.
mod skew;
/// What can be asked besides a token, to find out why there is none.
pub mod diagnosis;

use super::aws_code::CodeKind;
use super::error::CredentialError;
use super::inspect;
use super::setup_error::SetupError;
use super::{Credential, CredentialSource, Fetch, Fetched};
use crate::clock::Clock;
use crate::model::credential_spec::CredentialSpec;
use crate::model::token_request::TokenRequest;
use crate::tasks::BlockingWork;
use aws_config::SdkConfig;
use aws_sdk_sts::config::IdentityCache;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::types::Tag;
use credentials_source::AwsCredentialsSource;
use endpoint::Endpoint;
use refusal::{not_sts, token_error};
use session::{AwsSession, MAX_HANGING, MIN_TOKEN_LIFETIME, SessionCredentials, late, provider_timeout};
use skew::Skew;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};
use tokio::sync::OnceCell;
use tokio::time::timeout;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// So many threads may wait for AWS's files that do not come to their end, and no more begin to.
const MAX_BLOCKED_THREADS: usize = 2;

/// Mints tokens at AWS STS.
pub struct Sts {
    access: AwsCredentialsSource,
    endpoint_url: Option<String>,
    /// The bound on a whole fetch, credentials included.
    fetch_timeout: Duration,
    clock: Clock,
    /// What reads AWS's files.
    blocking: BlockingWork,
    /// Set up by the first mint, because finding the region can take seconds and a proxy must listen at once.
    aws: Mutex<Arc<OnceCell<Arc<Aws>>>>,
}

struct Aws {
    client: aws_sdk_sts::Client,
    session: AwsSession,
    skew: Skew,
}

impl Sts {
    /// A source that calls the region's STS, or `endpoint_url` instead. A fetch is to take `fetch_timeout` at most
    /// (`--token-fetch-timeout`), credentials included. Nothing is contacted yet.
    pub fn new(
        access: AwsCredentialsSource,
        endpoint_url: Option<String>,
        fetch_timeout: Duration,
        clock: Clock,
    ) -> Self {
        let blocking = BlockingWork::at_most(MAX_BLOCKED_THREADS);
        Self { access, endpoint_url, fetch_timeout, clock, blocking, aws: Mutex::default() }
    }

    async fn aws(&self) -> Result<Arc<Aws>, CredentialError> {
        let aws = self.aws.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(aws.get_or_try_init(async || self.set_up().await.map(Arc::new)).await?.clone())
    }

    async fn set_up(&self) -> Result<Aws, SetupError> {
        let variables = self.access.variables();
        let endpoint = match &self.endpoint_url {
            Some(url) => Endpoint::Url(url.clone()),
            None => endpoint::of_variables(&variables)?,
        };
        let config = self.sdk_config(&endpoint).await?;
        let providers = self.access.providers(&config);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let skew = Skew::new(self.clock);
        let mut builder = aws_sdk_sts::config::Builder::from(&config)
            .timeout_config(timeouts)
            // The refresher decides when to try again: it knows whether requests wait.
            .retry_config(RetryConfig::disabled())
            // The session is ours to keep, because its end bounds the token's.
            .identity_cache(IdentityCache::no_cache())
            .interceptor(skew.clone());
        match endpoint {
            Endpoint::BySettings => {}
            Endpoint::Url(url) => builder = builder.endpoint_url(url),
        }
        let client = aws_sdk_sts::Client::from_conf(builder.build());
        let session =
            AwsSession::new(providers, variables, self.clock, self.fetch_timeout, self.blocking.clone());
        Ok(Aws { client, session, skew })
    }

    async fn sdk_config(&self, endpoint: &Endpoint) -> Result<SdkConfig, SetupError> {
        let (access, endpoint) = (self.access.clone(), endpoint.clone());
        let reading = self.blocking.run(MAX_HANGING, async move { access.sdk_config(&endpoint).await });
        let within = provider_timeout(self.fetch_timeout);
        match timeout(within, reading).await {
            Ok(config) => config,
            Err(_) => Err(late(&self.blocking, &self.access.variables(), within).await),
        }
    }

    /// Asks for the wanted life or what the session has left of it. A refusal of that is answered with a newer session
    /// where there is one, and else by halving, as not every provider tells when a session ends.
    async fn mint_within_session(&self, request: &TokenRequest) -> Result<Fetched, CredentialError> {
        let _panics = ForgetsOnPanic(self);
        let aws = self.aws().await?;
        let session = &aws.session;
        let wanted = request.lifetime;
        let mut current = session.credentials_for(wanted).await?;
        let mut life = current.longest;
        let mut replaced = false;
        loop {
            let refusal = match self.call(&aws, request, &current, life).await {
                Ok(minted) => {
                    if life < current.longest {
                        session.granted(&current, life).await;
                    }
                    return Ok(minted);
                }
                Err(error) => error,
            };
            let too_long = refusal.is_refusal(CodeKind::SessionTooShort);
            if !replaced && (too_long || is_of_credentials(&refusal)) {
                replaced = true;
                if let Some(newer) = session.replace(&current.credentials, wanted).await {
                    life = newer.longest;
                    current = newer;
                    continue;
                }
            }
            if !too_long || life <= MIN_TOKEN_LIFETIME {
                return Err(refusal);
            }
            life = Duration::from_secs(life.as_secs() / 2).max(MIN_TOKEN_LIFETIME);
        }
    }

    async fn call(
        &self,
        aws: &Aws,
        request: &TokenRequest,
        current: &SessionCredentials,
        life: Duration,
    ) -> Result<Fetched, CredentialError> {
        let asked_at = self.clock.timestamp();
        let seconds = i32::try_from(life.as_secs()).unwrap_or(i32::MAX);
        let with_lease = aws_sdk_sts::Config::builder().credentials_provider(current.credentials.clone());
        let answer = aws
            .client
            .get_web_identity_token()
            .set_audience(Some(request.audiences.iter().map(str::to_owned).collect()))
            .duration_seconds(seconds)
            .signing_algorithm(request.algorithm.as_str())
            .set_tags(tags(request))
            .customize()
            .config_override(with_lease)
            .send()
            .await
            .map_err(|error| token_error(error, ATTEMPT_TIMEOUT))?;
        let (Some(jwt), Some(expiration)) = (answer.web_identity_token(), answer.expiration()) else {
            return Err(not_sts("its answer holds no token"));
        };
        let expires = SystemTime::try_from(*expiration)
            .map_err(|_| not_sts("the expiration in its answer is out of range"))?;
        let mismatches = inspect::mismatches(jwt, &request.audiences, request.algorithm, expires);
        // The clocks are compared by a header, which may be wrong. No token lives longer than was asked, or than it says.
        let longest = asked_at.wall + inspect::life(jwt).map_or(life, |its_own| its_own.min(life));
        let end = aws.skew.as_seen_here(inspect::end(jwt, expires)).min(longest);
        let credential = Credential::bearer(jwt, asked_at, end).map_err(CredentialError::Unusable)?;
        Ok(Fetched { credential, requested_lifetime: life, mismatches, clock_ahead: aws.skew.seconds() })
    }
}

fn tags(request: &TokenRequest) -> Option<Vec<Tag>> {
    let tags = request.tags.iter();
    let tags: Vec<Tag> =
        tags.filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect();
    (!tags.is_empty()).then_some(tags)
}

/// Whether other credentials may be granted what these were refused: a file may hold others by now.
fn is_of_credentials(refusal: &CredentialError) -> bool {
    [CodeKind::CredentialsExpired, CodeKind::AccessKeyUnknown, CodeKind::SignatureRejected]
        .into_iter()
        .any(|kind| refusal.is_refusal(kind))
}

impl CredentialSource for Sts {
    fn fetch<'a>(&'a self, spec: &'a CredentialSpec) -> Fetch<'a> {
        Box::pin(self.mint_within_session(spec.token()))
    }
}

/// After a panic what the SDK holds may be half changed, and its locks may stay poisoned: the next call sets all up anew.
struct ForgetsOnPanic<'s>(&'s Sts);

impl Drop for ForgetsOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            *self.0.aws.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        }
    }
}
