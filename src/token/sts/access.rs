//! Where credentials, region and endpoint come from, and whether they can be used at all.

use super::transport::{self, Trusted, Way};
use crate::redact;
use crate::token::flaw::Flaw;
use crate::token::setup_error::{EndpointFlaw, RegionFlaw, SetupError};
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use std::path::{Path, PathBuf};

/// Where credentials and region come from.
#[derive(Clone, Debug)]
pub enum Access {
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
    /// `AWS_ENDPOINT_URL_STS`, which may be empty.
    pub sts_endpoint_url: Option<String>,
    /// `AWS_ENDPOINT_URL`, which may be empty.
    pub endpoint_url: Option<String>,
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
    /// That of the region, whatever a variable that is set to nothing makes of it.
    OfRegion,
}

impl Access {
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

    /// What calls are made with; the region in it is one.
    pub(super) async fn sdk_config(&self) -> Result<SdkConfig, SetupError> {
        let config = match self {
            Self::DefaultChain(variables) => {
                let bundle =
                    variables.ca_bundle.as_ref().map(|file| file.path("AWS_CA_BUNDLE")).transpose()?;
                let trusted = match bundle {
                    Some(path) => Trusted::Bundle(path),
                    None if variables.has_own_authorities => Trusted::SystemAndMore,
                    None => Trusted::System,
                };
                let client = transport::client(Way::ByEnvironment, trusted)?;
                // Given here, so that the SDK does not read the environment's and the profile's: it panics at what it
                // does not know of them.
                aws_config::defaults(BehaviorVersion::latest())
                    .retry_config(RetryConfig::standard())
                    .http_client(client)
                    .load()
                    .await
            }
            Self::Keys { credentials, region } => SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
                .region(Region::new(region.clone()))
                .http_client(transport::client(Way::Direct, Trusted::System)?)
                .build(),
        };
        match config.region().map(AsRef::as_ref) {
            None | Some("") => Err(SetupError::NoRegion),
            Some(region) => match region_flaw(region) {
                Some(flaw) => Err(SetupError::Region { region: redact::without_credentials(region), flaw }),
                None => Ok(config),
            },
        }
    }
}

impl AwsVariables {
    /// The endpoint that these lead to. A variable that is set to nothing counts as not set, as in AWS's other SDKs.
    pub(super) fn endpoint(&self) -> Result<Endpoint, SetupError> {
        let some = |url: &Option<String>| url.clone().filter(|url| !url.trim().is_empty());
        let (of_sts, of_all) = (some(&self.sts_endpoint_url), some(&self.endpoint_url));
        if let Some(flaw) = of_sts.as_ref().or(of_all.as_ref()).and_then(|url| endpoint_flaw(url)) {
            return Err(SetupError::Endpoint(flaw));
        }
        let set_to_nothing = |url: &Option<String>| url.is_some() && some(url).is_none();
        Ok(match (of_sts, of_all) {
            (Some(_), _) => Endpoint::BySettings,
            (None, Some(url)) if set_to_nothing(&self.sts_endpoint_url) => Endpoint::Url(url),
            (None, None) if set_to_nothing(&self.sts_endpoint_url) || set_to_nothing(&self.endpoint_url) => {
                Endpoint::OfRegion
            }
            (None, Some(_) | None) => Endpoint::BySettings,
        })
    }
}

/// Why a text is no region. Partitions and regions are many and grow, so only the form is judged.
fn region_flaw(region: &str) -> Option<RegionFlaw> {
    if let Some(flaw) = Flaw::of(region) {
        return Some(RegionFlaw::Text(flaw));
    }
    if !region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        return Some(RegionFlaw::Characters);
    }
    let without_letter = region.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let zone =
        region.len() == without_letter.len() + 1 && without_letter.ends_with(|c: char| c.is_ascii_digit());
    (zone && region.contains('-')).then_some(RegionFlaw::Zone)
}

fn endpoint_flaw(url: &str) -> Option<EndpointFlaw> {
    if let Some(flaw) = Flaw::of(url) {
        return Some(EndpointFlaw::Text(flaw));
    }
    let Ok(parsed) = url.parse::<http::Uri>() else { return Some(EndpointFlaw::NoUrl) };
    let (Some("http" | "https"), Some(authority)) = (parsed.scheme_str(), parsed.authority()) else {
        return Some(EndpointFlaw::NoUrl);
    };
    authority.as_str().contains('@').then_some(EndpointFlaw::User)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_checked_as_a_region() {
        for region in
            ["us-east-1", "us-gov-west-1", "ap-southeast-3", "eusc-de-east-1", "cn-north-1", "local"]
        {
            assert_eq!(region_flaw(region), None, "{region}");
        }
        for (region, flaw) in [
            ("us-east-1a", RegionFlaw::Zone),
            ("US-EAST-1", RegionFlaw::Characters),
            ("us_east_1", RegionFlaw::Characters),
            ("us-east-1.amazonaws.com/#", RegionFlaw::Characters),
            ("us-east-1 ", RegionFlaw::Text(Flaw::Blank)),
            ("us-east-1\r", RegionFlaw::Text(Flaw::EndsInLineBreak)),
            ("\"us-east-1\"", RegionFlaw::Text(Flaw::Quoted)),
            ("'us-east-1'", RegionFlaw::Text(Flaw::Quoted)),
        ] {
            assert_eq!(region_flaw(region), Some(flaw), "{region:?}");
        }
    }

    #[test]
    fn the_content_of_a_file_is_not_taken_for_its_path() {
        let path = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
        assert_eq!(FileVariable::read(path), FileVariable::Path(path.into()));
        for content in ["eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhIn0.sig", "-----BEGIN CERTIFICATE-----", "a\nb"] {
            assert_eq!(FileVariable::read(content), FileVariable::Content);
        }
    }

    #[test]
    fn an_endpoint_that_is_set_to_nothing_counts_as_not_set() {
        let endpoint = |sts: Option<&str>, all: Option<&str>| {
            let [sts_endpoint_url, endpoint_url] = [sts, all].map(|url| url.map(str::to_owned));
            AwsVariables { sts_endpoint_url, endpoint_url, ..AwsVariables::default() }.endpoint()
        };
        let url = "http://127.0.0.1:4577";
        assert_eq!(endpoint(None, None), Ok(Endpoint::BySettings));
        assert_eq!(endpoint(Some(url), Some("")), Ok(Endpoint::BySettings));
        assert_eq!(endpoint(Some(""), None), Ok(Endpoint::OfRegion));
        assert_eq!(endpoint(None, Some("")), Ok(Endpoint::OfRegion));
        assert_eq!(endpoint(Some(" "), Some(url)), Ok(Endpoint::Url(url.to_owned())));
        for (wrong, flaw) in [
            ("\"http://a\"", EndpointFlaw::Text(Flaw::Quoted)),
            ("http://a\n", EndpointFlaw::Text(Flaw::EndsInLineBreak)),
            ("sts.example.com", EndpointFlaw::NoUrl),
            ("ftp://a", EndpointFlaw::NoUrl),
            ("https://", EndpointFlaw::NoUrl),
            ("https://user:hunter2@a", EndpointFlaw::User),
        ] {
            assert_eq!(endpoint(Some(wrong), None), Err(SetupError::Endpoint(flaw)), "{wrong:?}");
        }
    }
}
