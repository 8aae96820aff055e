//! What an operator can do about the workload's AWS settings and credentials.

use super::aws_code::CodeKind;
use super::setup_error::{SetupError, WaitsFor};

impl SetupError {
    /// What an operator can do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::NoRegion => "set AWS_REGION: this call exists on regional STS endpoints only",
            Self::Region { .. } => {
                "mend AWS_REGION, or the region of the profile: eu-central-1 for example, without quotes and blanks"
            }
            Self::NoRegionInFiles(_) | Self::ProfileFiles(_) | Self::ProfileFile { .. } => {
                "mend the file, or name another one: it is read again at each try"
            }
            Self::ContainerEndpoint { .. } => {
                "take the variable away, or set it as ECS and EKS do: a path for the one, a URL for the other"
            }
            Self::ContainerToken { .. } => "take the line break away: `echo` and CRLF files add one",
            Self::ContainerTokenFile { .. } => {
                "see that the file is mounted there, and that this user may read it"
            }
            Self::ExecutionEnv(_) => "unset AWS_EXECUTION_ENV, or take the line break out of it",
            Self::NotUtf8 { .. } => {
                "set the variable anew, with the characters of ASCII alone, or take it away"
            }
            Self::Unreachable(_) => STS_UNREACHABLE,
            Self::Program(_) | Self::Late { waits_for: WaitsFor::Program, .. } => {
                "run that command as the user of attache: it has to print credentials and end, and to ask for nothing"
            }
            Self::Late { waits_for: WaitsFor::File { .. }, .. } => "put a regular file in its place",
            Self::Late { waits_for: WaitsFor::Provider, .. } => {
                "see what provides the credentials: a role's STS, a container's endpoint, the instance's metadata, \
                 a file system that hangs"
            }
            Self::NotSts(_) => NOT_STS,
            Self::Endpoint { .. } => {
                "write it as https://host, without quotes and without a user, or take it away: AWS's own endpoint is called then"
            }
            Self::NoEndpoint(_) => {
                "take AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT away, or the endpoint's URL"
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

/// What to do where STS cannot be reached.
pub(super) const STS_UNREACHABLE: &str =
    "check the route to the region's STS endpoint: DNS, VPC endpoint, security group, HTTPS_PROXY";

/// What to do where something else answers in the place of STS.
pub(super) const NOT_STS: &str = "see what is on the way to STS: a captive portal, a proxy (HTTPS_PROXY), or a wrong \
    AWS_ENDPOINT_URL_STS, --sts-endpoint-url or AWS_REGION";

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
