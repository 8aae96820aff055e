//! What is wrong with the workload's own AWS settings and credentials, found before STS is asked for a token.

use super::aws_code::{AwsCode, CodeKind};
use super::error::Severity;
use super::flaw::Flaw;
use crate::trouble::Trouble;
use std::path::PathBuf;

/// Why no call can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// No AWS region is configured.
    #[error("no AWS region")]
    NoRegion,
    /// What is configured as region is none.
    #[error("the AWS region {region:?} {flaw}")]
    Region {
        /// What is configured.
        region: String,
        /// Why that is no region.
        flaw: RegionFlaw,
    },
    /// The endpoint that AWS's settings name cannot be called.
    #[error("the endpoint for STS {0}")]
    Endpoint(EndpointFlaw),
    /// The file of `AWS_CA_BUNDLE` cannot be used.
    #[error("AWS_CA_BUNDLE: {} cannot be used: {problem}", path.display())]
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
    #[error("no AWS credentials: AWS_PROFILE is {name:?}, and that profile gives none: {what}")]
    Profile {
        /// The profile that was asked for.
        name: String,
        /// What was tried.
        what: String,
    },
    /// The file of `AWS_WEB_IDENTITY_TOKEN_FILE` cannot be read.
    #[error("no AWS credentials: AWS_WEB_IDENTITY_TOKEN_FILE: {} cannot be read: {problem}", path.display())]
    IdentityTokenFile {
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

/// Why a text is no region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegionFlaw {
    /// It is odd as a text.
    #[error("{0}")]
    Text(Flaw),
    /// It ends in the letter of a zone.
    #[error("is an availability zone, and not its region")]
    Zone,
    /// It has a character that no region has.
    #[error("is no region: those have lower-case letters, digits and hyphens only")]
    Characters,
}

/// Why an endpoint cannot be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointFlaw {
    /// It is odd as a text.
    #[error("{0}")]
    Text(Flaw),
    /// It does not begin as a URL of HTTP does.
    #[error("is no URL: it begins with http:// or https://, a host follows")]
    NoUrl,
    /// A user or a password is in it.
    #[error("has a user in it, which AWS's calls have no use for")]
    User,
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

impl std::fmt::Display for CredentialPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AccessKeyId => "access key id",
            Self::SecretAccessKey => "secret access key",
            Self::SessionToken => "session token",
        })
    }
}

impl SetupError {
    /// How soon another try makes sense.
    pub(super) fn severity(&self) -> Severity {
        match self {
            Self::NoRegion
            | Self::Region { .. }
            | Self::Endpoint(_)
            | Self::CaBundle { .. }
            | Self::FileContent { .. }
            | Self::HalfCredentials { .. }
            | Self::Profile { .. }
            | Self::IdentityTokenFile { .. }
            | Self::Credentials { .. } => Severity::Permanent,
            Self::NoCredentials(_) => Severity::Transient,
            Self::CredentialsRefused { code, .. } => Severity::of(code.kind()),
        }
    }

    /// The error code of AWS, where AWS answered with one.
    pub(super) fn aws_code(&self) -> Option<&AwsCode> {
        match self {
            Self::CredentialsRefused { code, .. } => Some(code),
            Self::NoRegion
            | Self::Region { .. }
            | Self::Endpoint(_)
            | Self::CaBundle { .. }
            | Self::FileContent { .. }
            | Self::NoCredentials(_)
            | Self::HalfCredentials { .. }
            | Self::Profile { .. }
            | Self::IdentityTokenFile { .. }
            | Self::Credentials { .. } => None,
        }
    }

    /// What is wrong, by its stable name.
    pub(super) fn trouble(&self) -> Trouble {
        match self {
            Self::NoRegion => Trouble::RegionMissing,
            Self::Region { .. } => Trouble::RegionInvalid,
            Self::Endpoint(_) => Trouble::StsEndpointInvalid,
            Self::CaBundle { .. } => Trouble::CaBundleUnusable,
            Self::NoCredentials(_)
            | Self::FileContent { .. }
            | Self::HalfCredentials { .. }
            | Self::Profile { .. }
            | Self::IdentityTokenFile { .. } => Trouble::CredentialsMissing,
            Self::CredentialsRefused { .. } => Trouble::CredentialsRefused,
            Self::Credentials { .. } => Trouble::CredentialsInvalid,
        }
    }

    /// What an operator can do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::NoRegion => "set AWS_REGION: this call exists on regional STS endpoints only",
            Self::Region { .. } => {
                "mend AWS_REGION, or the region of the profile: eu-central-1 for example, without quotes and blanks"
            }
            Self::Endpoint(_) => {
                "mend AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL or the profile's endpoint_url, or take it away"
            }
            Self::CaBundle { .. } => {
                "see that the file can be read and holds PEM certificates, or take AWS_CA_BUNDLE away"
            }
            Self::NoCredentials(_) => {
                "give the workload an IAM role, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            }
            Self::FileContent { .. } => {
                "give the path of the file, and take what is there now for known to others"
            }
            Self::HalfCredentials { .. } => "set both, or neither where the workload has a role",
            Self::Profile { .. } => {
                "see that the profile stands in AWS's configuration or credentials file: AWS_CONFIG_FILE, \
                 AWS_SHARED_CREDENTIALS_FILE, else .aws in the home directory"
            }
            Self::IdentityTokenFile { .. } => {
                "see that the service account's token is mounted there, and that this user may read it"
            }
            Self::CredentialsRefused { code, .. } => refused_hint(code.kind()),
            Self::Credentials { .. } => {
                "mend it where the credentials come from: `echo` and CRLF files add line breaks, docker --env-file \
                 keeps quotes"
            }
        }
    }
}

fn refused_hint(kind: CodeKind) -> &'static str {
    match kind {
        CodeKind::AccessDenied => {
            "see the role's trust policy: it has to name this workload, its service account or its profile's user"
        }
        CodeKind::IdentityTokenRejected => {
            "see that IAM has the cluster's issuer as an identity provider, with the audience of the token"
        }
        CodeKind::CredentialsExpired => {
            "the token or the credentials to ask with have expired: see what renews them"
        }
        CodeKind::Throttled => "the account makes too many calls: tries go on more slowly",
        CodeKind::Unwell => "nothing to do here: tries go on until AWS is well again",
        CodeKind::FederationDisabled
        | CodeKind::SessionTooShort
        | CodeKind::AccessKeyUnknown
        | CodeKind::SignatureRejected
        | CodeKind::Validation
        | CodeKind::TokenTooLarge
        | CodeKind::RegionDisabled
        | CodeKind::UnknownCall
        | CodeKind::Unlisted => "see the role, and the credentials or the token that it is assumed with",
    }
}
