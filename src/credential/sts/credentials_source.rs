//! Where credentials, region and endpoint come from, and whether they can be used at all.

use super::endpoint::Endpoint;
use super::providers::Providers;
use super::transport::{self, ProxyUse, Trusted};
use super::{aws_files, profiles};
use crate::credential::setup_error::{SetupError, named_path};
use crate::model::aws_variables::AwsVariables;
use crate::model::flaw::RegionFlaw;
use crate::redact;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

/// Where credentials and region come from.
#[derive(Clone, Debug)]
pub enum AwsCredentialsSource {
    /// The AWS SDK's default chain: environment, profile, web identity, container, instance.
    DefaultChain(AwsVariables),
    /// Given outright: neither the environment, its proxies included, nor AWS's files are read.
    Keys {
        /// The credentials.
        credentials: Credentials,
        /// The region.
        region: String,
    },
}

impl AwsCredentialsSource {
    /// Long-term keys, given outright.
    pub fn keys(access_key_id: &str, secret_access_key: &str, region: &str) -> Self {
        let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "given");
        Self::Keys { credentials, region: region.to_owned() }
    }

    /// What the environment says. Nothing where it is not read.
    pub(super) fn variables(&self) -> AwsVariables {
        match self {
            Self::DefaultChain(variables) => variables.clone(),
            Self::Keys { .. } => AwsVariables::default(),
        }
    }

    /// The providers of credentials, with this configuration.
    pub(super) fn providers(&self, config: &SdkConfig) -> Providers {
        match self {
            Self::DefaultChain(variables) => Providers::Chain(Box::new((config.clone(), variables.clone()))),
            Self::Keys { credentials, .. } => {
                Providers::Given(SharedCredentialsProvider::new(credentials.clone()))
            }
        }
    }

    /// Why there is no region: the profile may have one, in a file that cannot be read, or may not exist.
    async fn no_region(&self) -> SetupError {
        let problem = match self {
            Self::DefaultChain(variables) => profiles::problem(variables).await,
            Self::Keys { .. } => None,
        };
        match problem {
            None => SetupError::NoRegion,
            Some(missing @ SetupError::Profile { .. }) => missing,
            Some(problem) => SetupError::NoRegionInFiles(Box::new(problem)),
        }
    }

    /// Checks the endpoint that AWS's files name, where it is the one that is called.
    async fn check_endpoint(&self, endpoint: &Endpoint, config: SdkConfig) -> Result<SdkConfig, SetupError> {
        if let (Self::DefaultChain(variables), Endpoint::BySettings) = (self, endpoint) {
            profiles::check_endpoint(&config, variables).await?;
        }
        Ok(config)
    }

    /// What calls are made with; the region in it is one.
    pub(super) async fn sdk_config(&self, endpoint: &Endpoint) -> Result<SdkConfig, SetupError> {
        let config = match self {
            Self::DefaultChain(variables) => {
                if let Some(variable) = variables.not_utf8 {
                    return Err(SetupError::NotUtf8 { variable });
                }
                if let Some(flaw) = variables.execution_env {
                    return Err(SetupError::ExecutionEnv(flaw));
                }
                let bundle =
                    variables.ca_bundle.as_ref().map(|file| named_path("AWS_CA_BUNDLE", file)).transpose()?;
                let trusted = match bundle {
                    Some(path) => Trusted::Bundle(path),
                    None if variables.has_own_authorities => Trusted::SystemAndMore,
                    None => Trusted::System,
                };
                let client = transport::client(ProxyUse::ByEnvironment, trusted)?;
                aws_files::check_ends(variables)?;
                // Given here, so that the SDK does not read the environment's and the profile's: it panics at what it
                // does not know of them.
                aws_config::defaults(BehaviorVersion::latest())
                    .retry_config(RetryConfig::standard())
                    .http_client(client)
                    .load()
                    .await
            }
            Self::Keys { region, .. } => SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(region.clone()))
                .http_client(transport::client(ProxyUse::Direct, Trusted::System)?)
                .build(),
        };
        match config.region().map(AsRef::as_ref) {
            None | Some("") => Err(self.no_region().await),
            Some(region) => match RegionFlaw::of(region) {
                Some(flaw) => Err(SetupError::Region { region: redact::shown(region), flaw }),
                None => self.check_endpoint(endpoint, config).await,
            },
        }
    }
}
