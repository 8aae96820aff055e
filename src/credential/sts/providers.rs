//! The providers of credentials, in the order of the SDK's default chain. The chain is made here, because the SDK's providers
//! keep what they read first: made anew, they read files that were mended, and keys that were changed.

use super::{credential_process, endpoint, profiles};
use crate::credential::aws_setting::AwsSetting;
use crate::credential::setup_error::SetupError;
use crate::input_file::{self, InputFileError};
use crate::model::aws_variables::{AwsVariables, ContainerEndpoint, FileVariable};
use aws_config::SdkConfig;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

/// What makes a provider of credentials.
#[derive(Clone, Debug)]
pub(super) enum Providers {
    /// This one is given.
    Given(SharedCredentialsProvider),
    /// The default chain, with the client and the region of this configuration.
    Chain(Box<(SdkConfig, AwsVariables)>),
}

impl Providers {
    /// A provider that has read nothing yet.
    pub(super) fn make(&self) -> SharedCredentialsProvider {
        match self {
            Self::Given(provider) => provider.clone(),
            Self::Chain(settings) => SharedCredentialsProvider::new(chain(&settings.0, &settings.1)),
        }
    }
}

impl Providers {
    /// What is wrong with the endpoint at which STS is asked for the credentials of a role. `--sts-endpoint-url` does not move
    /// these calls.
    pub(super) async fn endpoint_problem(&self) -> Option<SetupError> {
        let Self::Chain(settings) = self else { return None };
        let (config, variables) = settings.as_ref();
        match endpoint::of_variables(variables) {
            Ok(_) => profiles::check_endpoint(config, variables).await.err(),
            Err(problem) => Some(problem),
        }
    }
}

/// The default chain. Where the SDK would panic at what a variable says, a link of it is an error instead.
fn chain(config: &SdkConfig, variables: &AwsVariables) -> CredentialsProviderChain {
    let conf = provider_config(config);
    let sdk = ProfileFileCredentialsProvider::builder().configure(&conf).build();
    let profile = OfProfile { sdk, variables: variables.clone() };
    let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(&conf).build();
    let chain =
        CredentialsProviderChain::first_try("Environment", EnvironmentVariableCredentialsProvider::new())
            .or_else("Profile", Checked::new(profile, Check::Profile, variables))
            .or_else("WebIdentityToken", Checked::new(web_identity, Check::IdentityToken, variables));
    let chain = match variables.container_endpoint {
        ContainerEndpoint::Unset => chain,
        ContainerEndpoint::Set => {
            let container = EcsCredentialsProvider::builder().configure(&conf).build();
            chain.or_else("EcsContainer", Checked::new(container, Check::ContainerToken, variables))
        }
        ContainerEndpoint::Wrong { variable, flaw } => {
            chain.or_else("EcsContainer", Wrong(SetupError::ContainerEndpoint { variable, flaw }))
        }
    };
    chain.or_else("Ec2InstanceMetadata", ImdsCredentialsProvider::builder().configure(&conf).build())
}

fn provider_config(config: &SdkConfig) -> ProviderConfig {
    let conf = ProviderConfig::without_region()
        .with_behavior_version(config.behavior_version())
        .with_region(config.region().cloned())
        .with_use_fips(config.use_fips())
        .with_use_dual_stack(config.use_dual_stack())
        .with_retry_config(RetryConfig::standard());
    let conf = match config.timeout_config() {
        Some(timeouts) => conf.with_timeout_config(timeouts.clone()),
        None => conf,
    };
    match config.http_client() {
        Some(client) => conf.with_http_client(client),
        None => conf,
    }
}

fn check_identity_token(variables: &AwsVariables) -> Result<(), SetupError> {
    let Some(FileVariable::Path(path)) = &variables.web_identity_token_file else { return Ok(()) };
    let problem = |problem: InputFileError| SetupError::IdentityTokenFile {
        setting: AwsSetting::Variable("AWS_WEB_IDENTITY_TOKEN_FILE"),
        path: path.clone(),
        problem: problem.to_string(),
    };
    input_file::read_to_end(path).map(drop).map_err(problem)
}

fn check_container_token(variables: &AwsVariables) -> Result<(), SetupError> {
    let Some(FileVariable::Path(path)) = &variables.container_token_file else { return Ok(()) };
    let problem = |problem: InputFileError| SetupError::ContainerTokenFile {
        path: path.clone(),
        problem: problem.to_string(),
    };
    input_file::read_to_end(path).map(drop).map_err(problem)
}

/// The credentials of the selected profile.
#[derive(Debug)]
struct OfProfile {
    sdk: ProfileFileCredentialsProvider,
    variables: AwsVariables,
}

impl ProvideCredentials for OfProfile {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            match profiles::credential_process(&self.variables).await {
                Some(command) => {
                    credential_process::credentials(&command).await.map_err(CredentialsError::provider_error)
                }
                None => self.sdk.provide_credentials().await,
            }
        })
    }
}

/// Asks a provider after a check of the files that it reads: it would read one without end, into memory.
#[derive(Debug)]
struct Checked<P> {
    provider: P,
    check: Check,
    variables: AwsVariables,
}

/// The files that a provider reads.
#[derive(Clone, Copy, Debug)]
enum Check {
    Profile,
    IdentityToken,
    ContainerToken,
}

impl Check {
    async fn run(self, variables: &AwsVariables) -> Result<(), SetupError> {
        match self {
            Self::Profile => profiles::check(variables).await,
            Self::IdentityToken => check_identity_token(variables),
            Self::ContainerToken => check_container_token(variables),
        }
    }
}

impl<P> Checked<P> {
    fn new(provider: P, check: Check, variables: &AwsVariables) -> Self {
        Self { provider, check, variables: variables.clone() }
    }
}

impl<P: ProvideCredentials> ProvideCredentials for Checked<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.check.run(&self.variables).await.map_err(CredentialsError::invalid_configuration)?;
            self.provider.provide_credentials().await
        })
    }
}

/// Fails in the place of a provider that must not see what is set.
#[derive(Debug)]
struct Wrong(SetupError);

impl ProvideCredentials for Wrong {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::invalid_configuration(self.0.clone())))
    }
}
