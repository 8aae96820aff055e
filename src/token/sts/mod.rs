//! `GetWebIdentityToken`: the only folder that knows AWS.

/// The AWS session that a token must not outlive.
mod session;
/// How far the machine's clock is from AWS's.
mod skew;
/// What can be asked besides a token, to find out why there is none.
pub mod diagnosis;

use super::audience_set::AudienceSet;
use super::error::{self, TokenError};
use super::inspect;
use super::{Minted, Minting, SigningAlgorithm, Token, TokenSource};
use crate::clock::Clock;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::IdentityCache;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use aws_sdk_sts::types::Tag;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use session::{Lease, SHORTEST_TOKEN, Session};
use skew::Skew;
use std::time::{Duration, SystemTime};
use tokio::sync::OnceCell;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// What is asked of STS for every audience set alike.
#[derive(Clone, Debug)]
pub struct Wish {
    /// How the tokens are signed.
    pub algorithm: SigningAlgorithm,
    /// The life asked for, 60 s to 1 h.
    pub duration: Duration,
    /// What becomes the tokens' `request_tags`.
    pub tags: Vec<(String, String)>,
}

/// Where credentials and region come from.
#[derive(Clone, Debug)]
pub enum Access {
    /// The AWS SDK's default chain: environment, profile, web identity, container, instance.
    DefaultChain,
    /// Given outright: neither the environment, its proxies included, nor AWS's files are read.
    Keys {
        /// The credentials.
        credentials: Credentials,
        /// The region.
        region: String,
    },
}

impl Access {
    /// Long-term keys, given outright.
    pub fn keys(access_key_id: &str, secret_access_key: &str, region: &str) -> Self {
        let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "given");
        Self::Keys { credentials, region: region.to_owned() }
    }

    async fn sdk_config(&self) -> SdkConfig {
        match self {
            Self::DefaultChain => aws_config::load_defaults(BehaviorVersion::latest()).await,
            Self::Keys { credentials, region } => {
                // The SDK's own default would look for a proxy in the environment.
                let http = aws_smithy_http_client::Builder::new();
                SdkConfig::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
                    .region(Region::new(region.clone()))
                    .http_client(http.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https())
                    .build()
            }
        }
    }
}

/// Mints tokens at AWS STS.
pub struct Sts {
    wish: Wish,
    access: Access,
    endpoint_url: Option<String>,
    clock: Clock,
    /// Set up by the first mint, because finding the region can take seconds and a proxy must listen at once.
    aws: OnceCell<Aws>,
}

struct Aws {
    client: aws_sdk_sts::Client,
    session: Session,
    skew: Skew,
}

impl Sts {
    /// A source that calls the region's STS, or `endpoint_url` instead. Nothing is contacted yet.
    pub fn new(wish: Wish, access: Access, endpoint_url: Option<String>, clock: Clock) -> Self {
        Self { wish, access, endpoint_url, clock, aws: OnceCell::new() }
    }

    async fn aws(&self) -> Result<&Aws, TokenError> {
        self.aws.get_or_try_init(|| self.set_up()).await
    }

    async fn set_up(&self) -> Result<Aws, TokenError> {
        let config = self.access.sdk_config().await;
        if config.region().is_none_or(|region| region.as_ref().is_empty()) {
            return Err(TokenError::NoRegion);
        }
        let provider = config
            .credentials_provider()
            .ok_or_else(|| TokenError::NoCredentials("no provider is configured".to_owned()))?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let skew = Skew::new(self.clock);
        let mut builder = aws_sdk_sts::config::Builder::from(&config)
            .timeout_config(timeouts)
            // The worker decides when to try again: it knows whether anybody waits.
            .retry_config(RetryConfig::disabled())
            // The session is ours to keep, because its end bounds the token's.
            .identity_cache(IdentityCache::no_cache())
            .interceptor(skew.clone());
        if let Some(url) = &self.endpoint_url {
            builder = builder.endpoint_url(url);
        }
        let client = aws_sdk_sts::Client::from_conf(builder.build());
        Ok(Aws { client, session: Session::new(provider, self.clock), skew })
    }

    /// Asks for the wanted life or what the session has left of it. A refusal of that is answered with a newer session
    /// where there is one, and else by halving, as not every provider tells when a session ends.
    async fn mint_within_session(&self, audiences: &AudienceSet) -> Result<Minted, TokenError> {
        let aws = self.aws().await?;
        let session = &aws.session;
        let wanted = self.wish.duration;
        let mut lease = session.lease(wanted).await?;
        let mut life = lease.longest;
        let mut replaced = false;
        loop {
            let refusal = match self.call(aws, audiences, &lease, life).await {
                Ok(minted) => {
                    if life < lease.longest {
                        session.granted(&lease, life).await;
                    }
                    return Ok(minted);
                }
                Err(error) => error,
            };
            let too_long = is_one_of(&refusal, &["SessionDurationEscalationException"]);
            if !replaced && (too_long || is_one_of(&refusal, EXPIRED)) {
                replaced = true;
                if let Some(newer) = session.replace(&lease.credentials, wanted).await {
                    life = newer.longest;
                    lease = newer;
                    continue;
                }
            }
            if !too_long || life <= SHORTEST_TOKEN {
                return Err(refusal);
            }
            life = Duration::from_secs(life.as_secs() / 2).max(SHORTEST_TOKEN);
        }
    }

    async fn call(
        &self,
        aws: &Aws,
        audiences: &AudienceSet,
        lease: &Lease,
        life: Duration,
    ) -> Result<Minted, TokenError> {
        let asked_at = self.clock.now();
        let seconds = i32::try_from(life.as_secs()).unwrap_or(i32::MAX);
        let with_lease = aws_sdk_sts::Config::builder().credentials_provider(lease.credentials.clone());
        let answer = aws
            .client
            .get_web_identity_token()
            .set_audience(Some(audiences.iter().map(str::to_owned).collect()))
            .duration_seconds(seconds)
            .signing_algorithm(self.wish.algorithm.as_str())
            .set_tags(self.tags())
            .customize()
            .config_override(with_lease)
            .send()
            .await
            .map_err(token_error)?;
        let (Some(jwt), Some(expiration)) = (answer.web_identity_token(), answer.expiration()) else {
            return Err(unwell("the answer holds no token"));
        };
        let expires = SystemTime::try_from(*expiration)
            .map_err(|_| unwell("the token's expiration is out of range"))?;
        let differences = inspect::differences(jwt, audiences, self.wish.algorithm, expires);
        let token = Token::new(jwt, asked_at, aws.skew.as_seen_here(expires))
            .ok_or_else(|| unwell("the token is no header value"))?;
        Ok(Minted { token, asked: life, differences, clock_ahead: aws.skew.seconds() })
    }

    fn tags(&self) -> Option<Vec<Tag>> {
        let tags = self.wish.tags.iter();
        let tags: Vec<Tag> =
            tags.filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect();
        (!tags.is_empty()).then_some(tags)
    }
}

impl TokenSource for Sts {
    fn mint<'a>(&'a self, audiences: &'a AudienceSet) -> Minting<'a> {
        Box::pin(self.mint_within_session(audiences))
    }
}

/// The codes with which AWS says that the credentials themselves are over.
const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "RequestExpired"];

fn is_one_of(error: &TokenError, codes: &[&str]) -> bool {
    error.aws_code().is_some_and(|code| codes.contains(&code))
}

fn token_error<E>(error: SdkError<E>) -> TokenError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let SdkError::ServiceError(service) = &error {
        return refusal(service.err(), service.raw().status().as_u16(), error.request_id());
    }
    if let SdkError::ResponseError(_) = &error {
        return unwell("the answer cannot be read");
    }
    if let SdkError::TimeoutError(_) = &error {
        return TokenError::Unreachable(format!("no answer within {}s", ATTEMPT_TIMEOUT.as_secs()));
    }
    // What is left are failures to build or to send the call.
    TokenError::Unreachable(error::chain(&error))
}

fn refusal(error: &impl ProvideErrorMetadata, status: u16, request_id: Option<&str>) -> TokenError {
    match error.code() {
        Some(code) if status < 500 => TokenError::Refused {
            code: code.to_owned(),
            message: error.message().unwrap_or_default().to_owned(),
            request_id: request_id.map(str::to_owned),
        },
        code => TokenError::Unwell {
            code: code.map(str::to_owned),
            what: format!("status {status} {}", code.unwrap_or_default()).trim_end().to_owned(),
        },
    }
}

fn unwell(what: &str) -> TokenError {
    TokenError::Unwell { code: None, what: what.to_owned() }
}
