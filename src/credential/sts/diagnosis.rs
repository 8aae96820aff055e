//! What can be asked besides a token: where the region comes from, whose credentials these are, and what answers as STS.
//! A token that is refused rarely says so much.

use super::refusal::{not_sts, token_error};
use super::session::{MAX_HANGING, SessionCredentials, late};
use super::{ATTEMPT_TIMEOUT, AwsCredentialsSource, Sts};
use crate::credential::error::CredentialError;
use crate::credential::setup_error::SetupError;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileRegionProvider;
use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature;
use aws_sdk_sts::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sts::error::BoxError;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The region that tokens are minted in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRegion {
    /// Its name, for example `eu-west-1`.
    pub name: String,
    /// Where it was found.
    pub source: RegionSource,
}

/// Where a region is looked for, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionSource {
    /// It was given outright.
    Given,
    /// `AWS_REGION`, or else `AWS_DEFAULT_REGION`.
    Environment,
    /// The profile in AWS's files.
    Profile,
    /// The metadata of the instance.
    InstanceMetadata,
}

/// The credentials that calls are signed with, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCredentials {
    /// What they came from, in words.
    pub provider: &'static str,
    /// Whether they belong to a session, which ends. Long-term keys have none.
    pub is_session: bool,
    /// What is left of the session, where the provider says so.
    pub rest: Option<Duration>,
}

/// Whose credentials they are, by STS's own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account, twelve digits.
    pub account: String,
    /// The ARN of the session, role or user.
    pub arn: String,
}

/// A call that needs no permission, and so tells trouble with the way to STS from trouble with a policy.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// What STS said.
    pub answer: Result<Identity, CredentialError>,
    /// The URL that was called, where the call got so far.
    pub url: Option<String>,
    /// Seconds by which STS's clock is ahead of this machine's, where STS answered.
    pub clock_ahead: Option<i64>,
}

impl Sts {
    /// The region, and where it was found.
    ///
    /// # Errors
    /// When there is none.
    pub async fn region(&self) -> Result<FoundRegion, CredentialError> {
        let aws = self.aws().await?;
        let name = aws.client.config().region().map(ToString::to_string).ok_or(SetupError::NoRegion)?;
        let source = match &self.access {
            AwsCredentialsSource::Keys { .. } => RegionSource::Given,
            AwsCredentialsSource::DefaultChain(_) => {
                if EnvironmentVariableRegionProvider::new().region().await.is_some() {
                    RegionSource::Environment
                } else {
                    let of_profile = async { ProfileFileRegionProvider::new().region().await };
                    match self.blocking.run(MAX_HANGING, of_profile).await {
                        Some(_) => RegionSource::Profile,
                        None => RegionSource::InstanceMetadata,
                    }
                }
            }
        };
        Ok(FoundRegion { name, source })
    }

    /// The credentials that a token of this lifetime would be asked for with.
    ///
    /// # Errors
    /// When there are none, or their session ends too soon for any token.
    pub async fn credentials(&self, lifetime: Duration) -> Result<FoundCredentials, CredentialError> {
        let aws = self.aws().await?;
        let SessionCredentials { credentials, .. } = aws.session.credentials_for(lifetime).await?;
        Ok(FoundCredentials {
            provider: provider(&credentials),
            is_session: credentials.session_token().is_some(),
            rest: credentials.expiry().map(|end| self.clock.until(end)),
        })
    }

    /// Why there are no credentials, where looking for them has come to no end within this time.
    pub async fn late_credentials(&self, within: Duration) -> CredentialError {
        late(&self.blocking, &self.access.variables(), within).await.into()
    }

    /// Asks STS for the identity of the caller (`GetCallerIdentity`), with the credentials for a token of this lifetime.
    ///
    /// # Errors
    /// When there is no region, or there are no credentials to ask with.
    pub async fn introduce(&self, lifetime: Duration) -> Result<Introduction, CredentialError> {
        let aws = self.aws().await?;
        let SessionCredentials { credentials, .. } = aws.session.credentials_for(lifetime).await?;
        let called = Called::default();
        let answer = aws
            .client
            .get_caller_identity()
            .customize()
            .config_override(aws_sdk_sts::Config::builder().credentials_provider(credentials))
            .interceptor(called.clone())
            .send()
            .await;
        let answer = answer.map_err(|error| token_error(error, ATTEMPT_TIMEOUT)).and_then(|answer| {
            match (answer.account(), answer.arn()) {
                (Some(account), Some(arn)) => {
                    Ok(Identity { account: account.to_owned(), arn: arn.to_owned() })
                }
                (None, _) | (_, None) => Err(not_sts("its answer holds no identity")),
            }
        });
        Ok(Introduction { answer, url: called.0.get().cloned(), clock_ahead: aws.skew.seconds() })
    }
}

/// Where the SDK found the credentials, by the mark that it leaves on them for its own statistics.
fn provider(credentials: &Credentials) -> &'static str {
    let marks = credentials.get_property::<Vec<AwsCredentialFeature>>();
    match marks.and_then(|marks| marks.first()) {
        Some(AwsCredentialFeature::CredentialsEnvVars) => "environment variables",
        Some(AwsCredentialFeature::CredentialsProfile) => "a profile",
        Some(AwsCredentialFeature::CredentialsProcess) => "a profile's credential_process",
        Some(AwsCredentialFeature::CredentialsSso) => "IAM Identity Center",
        Some(AwsCredentialFeature::CredentialsStsAssumeRole) => "a role assumed by a profile",
        Some(AwsCredentialFeature::CredentialsProfileStsWebIdToken) => "a web identity token (IRSA)",
        Some(AwsCredentialFeature::CredentialsHttp) => "a container's credential endpoint",
        Some(AwsCredentialFeature::CredentialsImds) => "the instance's metadata",
        Some(_) | None => "another provider",
    }
}

/// Notes the URL that a call is sent to: the SDK's rules decide it, not the settings alone.
#[derive(Clone, Debug, Default)]
struct Called(Arc<OnceLock<String>>);

impl Intercept for Called {
    fn name(&self) -> &'static str {
        "Called"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.get_or_init(|| context.request().uri().to_owned());
        Ok(())
    }
}
