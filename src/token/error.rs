//! Why there is no token, who has to act, and how soon it is worth another try.

use crate::telemetry::labels::ErrorClass;
use crate::trouble::Trouble;
use std::time::Duration;

/// Why a fetch brought no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// STS answered with an error.
    #[error("STS refused: {code}: {message}")]
    Refused {
        /// The error code of the AWS Query protocol.
        code: String,
        /// What STS says about it.
        message: String,
        /// The id under which AWS knows the call.
        request_id: Option<String>,
    },
    /// STS answered that it is unwell, or with something that is no answer.
    #[error("STS is unwell: {what}")]
    Unwell {
        /// The error code, where there was one.
        code: Option<String>,
        /// What came instead of a token.
        what: String,
    },
    /// No answer came from STS.
    #[error("STS cannot be reached: {0}")]
    Unreachable(String),
    /// The fetch took longer than `--token-fetch-timeout`.
    #[error("no token within {0:?}")]
    TimedOut(Duration),
    /// No AWS credentials were found, or their provider failed.
    #[error("no AWS credentials: {0}")]
    NoCredentials(String),
    /// No AWS region is configured.
    #[error("no AWS region")]
    NoRegion,
    /// The caller's AWS session ends too soon for the shortest token.
    #[error("the AWS session ends in {}s, and the shortest token lives 60s", .0.as_secs())]
    SessionTooShort(Duration),
    /// The set had to make room for others while it was waited for.
    #[error("the token cache is full")]
    Displaced,
}

/// How soon another try makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It may pass by itself.
    Transient,
    /// An administrator has to act first.
    Permanent,
    /// STS asks for fewer calls.
    Throttled,
}

impl TokenError {
    /// How soon another try makes sense.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Refused { code, .. } => match code.as_str() {
                "Throttling"
                | "ThrottlingException"
                | "RequestLimitExceeded"
                | "SlowDown"
                | "TooManyRequestsException" => Severity::Throttled,
                // The session is at its end, and its provider is about to have the next one.
                "ExpiredToken"
                | "ExpiredTokenException"
                | "RequestExpired"
                | "SessionDurationEscalationException" => Severity::Transient,
                _ => Severity::Permanent,
            },
            Self::NoRegion => Severity::Permanent,
            Self::Unwell { .. }
            | Self::Unreachable(_)
            | Self::TimedOut(_)
            | Self::NoCredentials(_)
            | Self::SessionTooShort(_)
            | Self::Displaced => Severity::Transient,
        }
    }

    /// The error code of AWS, where AWS answered with one.
    pub fn aws_code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Unwell { code, .. } => code.as_deref(),
            Self::Unreachable(_)
            | Self::TimedOut(_)
            | Self::NoCredentials(_)
            | Self::NoRegion
            | Self::SessionTooShort(_)
            | Self::Displaced => None,
        }
    }

    /// Whether both come from the same trouble, whatever the wording or the request id.
    pub fn same_cause(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.aws_code() == other.aws_code()
    }

    /// What is wrong, by its stable name.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Refused { code, .. } => refused_trouble(code),
            Self::Unwell { .. } => Trouble::StsUnwell,
            Self::Unreachable(_) => Trouble::StsUnreachable,
            Self::TimedOut(_) => Trouble::StsTimeout,
            Self::NoCredentials(_) => Trouble::CredentialsMissing,
            Self::NoRegion => Trouble::RegionMissing,
            Self::SessionTooShort(_) => Trouble::SessionTooShort,
            Self::Displaced => Trouble::TokenCacheFull,
        }
    }

    /// How metrics name it.
    pub fn class(&self) -> ErrorClass {
        self.aws_code().map_or(ErrorClass::TRANSPORT, ErrorClass::of_aws_code)
    }

    /// What an operator can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Refused { code, .. } => refused_hint(code),
            Self::Unwell { .. } => "nothing to do here: tries go on until STS is well again",
            Self::Unreachable(_) | Self::TimedOut(_) => {
                "check the route to the region's STS endpoint: DNS, VPC endpoint, security group, HTTPS_PROXY"
            }
            Self::NoCredentials(_) => {
                "give the workload an IAM role, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            }
            Self::NoRegion => "set AWS_REGION: this call exists on regional STS endpoints only",
            Self::SessionTooShort(_) => "tries go on until the credentials' provider offers a newer session",
            Self::Displaced => {
                "raise --token-cache-capacity, or let callers name fewer upstreams (--allow-host)"
            }
        }
    }
}

fn refused_trouble(code: &str) -> Trouble {
    match code {
        "AccessDenied" | "AccessDeniedException" | "NotAuthorized" => Trouble::StsAccessDenied,
        "OutboundWebIdentityFederationDisabledException" | "OutboundWebIdentityFederationDisabled" => {
            Trouble::FederationDisabled
        }
        "SessionDurationEscalationException" => Trouble::SessionTooShort,
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Trouble::CredentialsExpired,
        "InvalidClientTokenId" | "UnrecognizedClientException" => Trouble::AccessKeyUnknown,
        "SignatureDoesNotMatch" | "IncompleteSignature" => Trouble::SignatureRejected,
        "ValidationError" | "InvalidParameterValue" | "MissingParameter" => Trouble::StsValidation,
        "JWTPayloadSizeExceededException" => Trouble::TokenTooLarge,
        "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "SlowDown"
        | "TooManyRequestsException" => Trouble::StsThrottled,
        _ => Trouble::StsRefused,
    }
}

fn refused_hint(code: &str) -> &'static str {
    match code {
        "AccessDenied" => {
            "allow sts:GetWebIdentityToken for this audience, duration and algorithm (with tags also \
             sts:TagGetWebIdentityToken), and see that the account has outbound web identity federation enabled"
        }
        "OutboundWebIdentityFederationDisabledException" | "OutboundWebIdentityFederationDisabled" => {
            "enable it once per account: aws iam enable-outbound-web-identity-federation"
        }
        "SessionDurationEscalationException" => {
            "the token would outlive the AWS session: shorten --token-duration, or give the role longer sessions"
        }
        "JWTPayloadSizeExceededException" => "send fewer or shorter --token-tag values",
        "ExpiredToken" | "ExpiredTokenException" => {
            "the AWS credentials have expired: see what provides them"
        }
        "InvalidClientTokenId" => "the AWS access key is unknown: see where the credentials come from",
        "SignatureDoesNotMatch" => "see that the secret key is right and that the machine's clock is",
        "ValidationError" => {
            "see --token-audience, --token-duration and --token-tag against the limits of STS"
        }
        "Throttling" | "ThrottlingException" => {
            "the account makes too many STS calls: tries go on more slowly"
        }
        _ => "look the code up in the AWS STS API reference",
    }
}

/// An error and its causes in one line: the outermost alone rarely says what happened.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
