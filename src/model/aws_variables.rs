//! What AWS's variables say, as far as attache reports something about them.

use super::flaw::{EndpointFlaw, Flaw};
use crate::redact;
use std::path::{Path, PathBuf};

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

    /// The path; `None` where the variable holds the file's content in its place.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Content => None,
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
}
