//! Where credentials, region and endpoint come from, and whether they can be used at all.

use super::providers::Providers;
use super::transport::{self, Trusted, Way};
use super::{aws_files, profiles};
use crate::redact;
use crate::token::aws_setting::AwsSetting;
use crate::token::flaw::{EndpointFlaw, Flaw, RegionFlaw};
use crate::token::setup_error::SetupError;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use std::path::{Path, PathBuf};

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

/// What AWS's variables say, as far as the SDK leaves something to be said about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsVariables {
    /// Whether `AWS_ACCESS_KEY_ID` is set, and not to nothing.
    pub has_access_key_id: bool,
    /// Whether `AWS_SECRET_ACCESS_KEY` is set, and not to nothing.
    pub has_secret_access_key: bool,
    /// `AWS_PROFILE`.
    pub profile: Option<String>,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`.
    pub web_identity_token_file: Option<FileVariable>,
    /// Whether `SSL_CERT_FILE` or `SSL_CERT_DIR` add authorities to the system's.
    pub has_own_authorities: bool,
    /// `AWS_CA_BUNDLE`.
    pub ca_bundle: Option<FileVariable>,
    /// `AWS_ENDPOINT_URL_STS`.
    pub sts_endpoint_url: Option<String>,
    /// `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// `AWS_CONFIG_FILE`.
    pub config_file: Option<FileVariable>,
    /// `AWS_SHARED_CREDENTIALS_FILE`.
    pub shared_credentials_file: Option<FileVariable>,
    /// Where a container's credentials are asked for.
    pub container_endpoint: ContainerEndpoint,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`.
    pub container_token_file: Option<FileVariable>,
    /// What keeps `AWS_EXECUTION_ENV`, which the SDK sends in a header, from being sent.
    pub execution_env: Option<Flaw>,
    /// `HOME`, where AWS's files are that no variable names.
    pub home: Option<PathBuf>,
    /// A variable that is not UTF-8, which the SDK takes for unset.
    pub not_utf8: Option<&'static str>,
}

/// What `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` and `AWS_CONTAINER_CREDENTIALS_FULL_URI` say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContainerEndpoint {
    /// Nothing.
    #[default]
    Unset,
    /// Something that may be asked.
    Set,
    /// Something that cannot be: the SDK panics at some of it.
    Wrong {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        flaw: EndpointFlaw,
    },
}

impl ContainerEndpoint {
    /// Judges both values. The relative one counts before the other (AWS SDKs and tools reference, "Container credential
    /// provider"), and to the SDK even where it is empty.
    pub fn read(relative: Option<&str>, full: Option<&str>) -> Self {
        let full = full.filter(|url| !url.trim().is_empty());
        let (variable, flaw) = match (relative, full) {
            (None, None) => return Self::Unset,
            (Some(path), None) if path.trim().is_empty() => return Self::Unset,
            (Some(path), _) => ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", EndpointFlaw::of_path(path)),
            (None, Some(url)) => ("AWS_CONTAINER_CREDENTIALS_FULL_URI", EndpointFlaw::of(url)),
        };
        flaw.map_or(Self::Set, |flaw| Self::Wrong { variable, flaw })
    }
}

/// What a variable says that is to name a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileVariable {
    /// The file's path.
    Path(PathBuf),
    /// The file's content, as a Kubernetes Secret gives it that is mistaken for a volume. Nothing of it is kept.
    Content,
}

impl FileVariable {
    /// Judges a value by its form.
    pub fn read(value: &str) -> Self {
        let is_jwt = value.starts_with("eyJ") && value.matches('.').count() == 2;
        if redact::is_file_content(value) || is_jwt { Self::Content } else { Self::Path(value.into()) }
    }

    /// The path.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn path(&self, variable: &'static str) -> Result<&Path, SetupError> {
        match self {
            Self::Path(path) => Ok(path),
            Self::Content => Err(SetupError::FileContent { variable }),
        }
    }
}

/// Which endpoint is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// What the SDK makes of its settings.
    BySettings,
    /// This one.
    Url(String),
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

    /// Why there is no region: the profile may have one, in a file that cannot be read.
    async fn no_region(&self) -> SetupError {
        let problem = match self {
            Self::DefaultChain(variables) => profiles::problem(variables).await,
            Self::Keys { .. } => None,
        };
        problem.map_or(SetupError::NoRegion, |problem| SetupError::NoRegionInFiles(Box::new(problem)))
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
                    variables.ca_bundle.as_ref().map(|file| file.path("AWS_CA_BUNDLE")).transpose()?;
                let trusted = match bundle {
                    Some(path) => Trusted::Bundle(path),
                    None if variables.has_own_authorities => Trusted::SystemAndMore,
                    None => Trusted::System,
                };
                let client = transport::client(Way::ByEnvironment, trusted)?;
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
                .http_client(transport::client(Way::Direct, Trusted::System)?)
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

impl AwsVariables {
    /// The endpoint that these lead to.
    ///
    /// # Errors
    /// When the one that counts is no URL.
    pub(super) fn endpoint(&self) -> Result<Endpoint, SetupError> {
        let (variable, url) = match (&self.sts_endpoint_url, &self.endpoint_url) {
            (Some(url), _) => ("AWS_ENDPOINT_URL_STS", url),
            (None, Some(url)) => ("AWS_ENDPOINT_URL", url),
            (None, None) => return Ok(Endpoint::BySettings),
        };
        match EndpointFlaw::of(url) {
            Some(flaw) => Err(SetupError::Endpoint { setting: AwsSetting::Variable(variable), flaw }),
            None => Ok(Endpoint::BySettings),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_of_a_file_is_not_taken_for_its_path() {
        let path = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
        assert_eq!(FileVariable::read(path), FileVariable::Path(path.into()));
        for content in ["eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhIn0.sig", "-----BEGIN CERTIFICATE-----", "a\nb"] {
            assert_eq!(FileVariable::read(content), FileVariable::Content);
        }
    }

    #[test]
    fn an_endpoint_that_is_no_url_is_refused() {
        let endpoint = |sts: Option<&str>, all: Option<&str>| {
            let [sts_endpoint_url, endpoint_url] = [sts, all].map(|url| url.map(str::to_owned));
            AwsVariables { sts_endpoint_url, endpoint_url, ..AwsVariables::default() }.endpoint()
        };
        assert_eq!(endpoint(None, None), Ok(Endpoint::BySettings));
        assert_eq!(endpoint(Some("http://127.0.0.1:4577"), Some("of all")), Ok(Endpoint::BySettings));
        for (wrong, flaw) in [
            ("\"http://a\"", EndpointFlaw::Text(Flaw::Quoted)),
            ("http://a\n", EndpointFlaw::Text(Flaw::EndsInLineBreak)),
            ("sts.example.com", EndpointFlaw::NoUrl),
            ("ftp://a", EndpointFlaw::NoUrl),
            ("https://", EndpointFlaw::NoUrl),
            ("https://user:hunter2@a", EndpointFlaw::User),
        ] {
            let setting = AwsSetting::Variable("AWS_ENDPOINT_URL_STS");
            assert_eq!(endpoint(Some(wrong), None), Err(SetupError::Endpoint { setting, flaw }), "{wrong:?}");
            let setting = AwsSetting::Variable("AWS_ENDPOINT_URL");
            assert_eq!(endpoint(None, Some(wrong)), Err(SetupError::Endpoint { setting, flaw }), "{wrong:?}");
        }
    }
}
