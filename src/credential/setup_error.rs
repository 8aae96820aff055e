//! What is wrong with the workload's own AWS settings and credentials, found before STS is asked for a token.

use super::aws_code::AwsCode;
use super::aws_setting::{AwsSetting, shown};
use super::program_error::ProgramError;
use crate::model::aws_variables::FileVariable;
use crate::model::flaw::{EndpointFlaw, Flaw, RegionFlaw};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why no call can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// No AWS region is configured.
    #[error("no AWS region")]
    NoRegion,
    /// No AWS region is configured outside the files that may name one.
    #[error("no AWS region: {0}")]
    NoRegionInFiles(Box<SetupError>),
    /// What is configured as region is none.
    #[error("the AWS region {region} {flaw}")]
    Region {
        /// What is configured, as it may be shown.
        region: String,
        /// Why that is no region.
        flaw: RegionFlaw,
    },
    /// AWS's settings lead to no endpoint, as two of them do not go together.
    #[error("AWS's settings lead to no endpoint of STS: {0}")]
    NoEndpoint(String),
    /// The endpoint that AWS's settings name cannot be called.
    #[error("{setting}, the endpoint for STS, {flaw}")]
    Endpoint {
        /// The setting.
        setting: AwsSetting,
        /// Why it cannot be called.
        flaw: EndpointFlaw,
    },
    /// The file of `AWS_CA_BUNDLE` cannot be used.
    #[error("AWS_CA_BUNDLE: {} cannot be used: {problem}", shown(path))]
    CaBundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A variable holds what a file is to hold. It may be a secret, so it is not shown.
    #[error("{variable} holds the content of a file, and not its path")]
    FileContent {
        /// The variable.
        variable: &'static str,
    },
    /// No AWS credentials were found, or their provider failed.
    #[error("no AWS credentials: {0}")]
    NoCredentials(String),
    /// One half of the credentials is in the environment.
    #[error("no AWS credentials: {set} is set, and {missing} is not")]
    HalfCredentials {
        /// The variable that is set.
        set: &'static str,
        /// The variable that belongs to it.
        missing: &'static str,
    },
    /// `AWS_PROFILE` leads to no credentials.
    #[error("no AWS credentials: AWS_PROFILE is {name}, and that profile gives none: {what}")]
    Profile {
        /// The profile that was asked for, as it may be shown.
        name: String,
        /// What was tried.
        what: String,
    },
    /// AWS's configuration or credentials file cannot be parsed.
    #[error("no AWS credentials: AWS's configuration or credentials file cannot be used: {0}")]
    ProfileFiles(String),
    /// AWS's configuration or credentials file cannot be read.
    #[error("no AWS credentials: {}{} cannot be read: {problem}", prefix(*variable), shown(path))]
    ProfileFile {
        /// The variable that names it; `None` for the file in the home directory.
        variable: Option<&'static str>,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A container's credentials cannot be asked for where a variable says.
    #[error("no AWS credentials: {variable} {flaw}")]
    ContainerEndpoint {
        /// The variable.
        variable: &'static str,
        /// Why nothing can be asked there.
        flaw: EndpointFlaw,
    },
    /// The token to ask for a container's credentials with cannot be sent.
    #[error("no AWS credentials: {variable} holds what no header can hold, a line break perhaps")]
    ContainerToken {
        /// The variable that holds it, or names its file.
        variable: &'static str,
    },
    /// The file of `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` cannot be read.
    #[error(
        "no AWS credentials: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: {} cannot be read: {problem}",
        shown(path)
    )]
    ContainerTokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The AWS SDK can make no call, as it sends this variable in a header of each.
    #[error("AWS_EXECUTION_ENV {0}, and is sent in a header of each call to AWS")]
    ExecutionEnv(Flaw),
    /// The AWS SDK takes a variable that is not UTF-8 for one that is not set.
    #[error("{variable} is not UTF-8")]
    NotUtf8 {
        /// The variable.
        variable: &'static str,
    },
    /// The program of the profile gives no credentials.
    #[error("no AWS credentials: the credential_process of the profile {0}")]
    Program(ProgramError),
    /// Looking for credentials does not come to an end.
    #[error("no AWS credentials: {waits_for} within {within:?}")]
    Late {
        /// How long was waited.
        within: Duration,
        /// What has probably not come to an end.
        waits_for: WaitsFor,
    },
    /// STS, which is asked for the credentials of a role, cannot be reached.
    #[error("no AWS credentials: STS cannot be reached for those of the role: {0}")]
    Unreachable(String),
    /// Something that is not STS was asked for credentials.
    #[error("no AWS credentials: what answers in the place of STS is not STS: {0}")]
    NotSts(String),
    /// The file of a web identity token cannot be read.
    #[error("no AWS credentials: {setting}: {} cannot be read: {problem}", shown(path))]
    IdentityTokenFile {
        /// The setting that names it.
        setting: AwsSetting,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// AWS was asked for credentials and refused.
    #[error("no AWS credentials: AWS refused to give them: {code}: {message}")]
    CredentialsRefused {
        /// Its error code.
        code: AwsCode,
        /// What it says about it.
        message: String,
    },
    /// A part of the credentials cannot be signed with.
    #[error("the {part} {flaw}")]
    Credentials {
        /// Which part.
        part: CredentialPart,
        /// What is odd about it.
        flaw: Flaw,
    },
}

/// What looking for credentials waits for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitsFor {
    /// The program of the profile that prints credentials.
    #[error("the credential_process of the profile did not end")]
    Program,
    /// A pipe or the like, which gives nothing until another process writes to it.
    #[error("the file of {setting}, {}, is not a regular file and was not read to its end", shown(.path))]
    File {
        /// The setting that names it.
        setting: AwsSetting,
        /// Its path.
        path: PathBuf,
    },
    /// A service, or a file.
    #[error("their provider did not answer")]
    Provider,
}

/// One part of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialPart {
    /// The public name of the key.
    AccessKeyId,
    /// The key.
    SecretAccessKey,
    /// What a session has besides.
    SessionToken,
}

/// The path that a variable names.
///
/// # Errors
/// When the variable holds the file's content in place of its path.
pub(super) fn named_path<'f>(variable: &'static str, file: &'f FileVariable) -> Result<&'f Path, SetupError> {
    file.path().ok_or(SetupError::FileContent { variable })
}

fn prefix(variable: Option<&str>) -> String {
    variable.map(|name| format!("{name}: ")).unwrap_or_default()
}

impl std::fmt::Display for CredentialPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AccessKeyId => "access key id",
            Self::SecretAccessKey => "secret access key",
            Self::SessionToken => "session token",
        })
    }
}
