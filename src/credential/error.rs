//! Why there is no token, what an operator can do about it, and how soon another try makes sense.

use super::aws_code::{AwsCode, CodeKind};
use super::exchange_error::ExchangeError;
use super::setup_error::SetupError;
use super::setup_hint::{NOT_STS, STS_UNREACHABLE};
use super::severity::Severity;
use crate::diagnostics::DiagnosticCode;
use crate::legible;
use crate::telemetry::labels::ErrorClass;
use std::time::Duration;

/// The most that is kept of a text of AWS, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 2048;

/// Why a fetch brought no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// STS answered with an error.
    #[error("STS refused: {code}: {message}")]
    Refused {
        /// The error code of the AWS Query protocol.
        code: AwsCode,
        /// What STS says about it.
        message: String,
        /// The id under which AWS knows the call.
        request_id: Option<String>,
    },
    /// STS answered that it is unwell, or its answer broke off.
    #[error("STS is unwell: {what}")]
    Unwell {
        /// The error code, where there was one.
        code: Option<AwsCode>,
        /// What came instead of a token.
        what: String,
    },
    /// Something answered that is not STS: a proxy, a captive portal, another service.
    #[error("what answers in the place of STS is not STS: {0}")]
    NotSts(String),
    /// No answer came from STS.
    #[error("STS cannot be reached: {0}")]
    Unreachable(String),
    /// The fetch took longer than `--token-fetch-timeout`.
    #[error("no token within {0:?}")]
    TimedOut(Duration),
    /// The workload's own settings or credentials do not suffice for a call.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The token was not exchanged.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The caller's AWS session ends too soon for the shortest token.
    #[error("the AWS session ends in {}s, and the shortest token lives 60s", .0.as_secs())]
    SessionTooShort(Duration),
    /// A token came that cannot be used, or hardly.
    #[error("the token that came {0}")]
    Unusable(Unusable),
    /// The fetch has not come to an end, although each of its parts has a bound.
    #[error("the fetch is stuck, {}s beyond its bounds", .0.as_secs())]
    Stuck(Duration),
    /// The fetch panicked.
    #[error("the fetch ended in a panic, which is a fault of attache or of a library in it")]
    Panicked,
    /// The set had to make room for others while it was waited for.
    #[error("the token cache is full")]
    Evicted,
    /// Requests for more new audience sets came than STS is asked for.
    #[error("too many new audiences")]
    TooManyAudiences,
}

/// Why a token that came cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Nothing is in it.
    #[error("is empty")]
    Empty,
    /// It cannot stand in a header.
    #[error("has characters that no token has")]
    Characters,
    /// It has expired, or is about to.
    #[error("expires in {}s, which is too soon to use it", .0.as_secs())]
    Expires(Duration),
}

impl CredentialError {
    /// How soon another try makes sense.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Refused { code, .. } => Severity::of(code.kind()),
            // What else it says while it is unwell may not hold when it is well again.
            Self::Unwell { code, .. } => match code.as_ref().map(AwsCode::kind) {
                Some(CodeKind::Throttled) => Severity::Throttled,
                Some(_) | None => Severity::Transient,
            },
            Self::Setup(error) => error.severity(),
            Self::Exchange(error) => error.severity(),
            Self::NotSts(_)
            | Self::Unreachable(_)
            | Self::TimedOut(_)
            | Self::SessionTooShort(_)
            | Self::Unusable(_)
            | Self::Stuck(_)
            | Self::Panicked
            | Self::Evicted
            | Self::TooManyAudiences => Severity::Transient,
        }
    }

    /// The error code of AWS, where AWS answered with one.
    pub fn aws_code(&self) -> Option<&AwsCode> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Unwell { code, .. } => code.as_ref(),
            Self::Setup(error) => error.aws_code(),
            Self::Exchange(_)
            | Self::NotSts(_)
            | Self::Unreachable(_)
            | Self::TimedOut(_)
            | Self::SessionTooShort(_)
            | Self::Unusable(_)
            | Self::Stuck(_)
            | Self::Panicked
            | Self::Evicted
            | Self::TooManyAudiences => None,
        }
    }

    /// Whether STS refused with a code of this kind.
    pub fn is_refusal(&self, kind: CodeKind) -> bool {
        matches!(self, Self::Refused { code, .. } if code.kind() == kind)
    }

    /// Whether both come from the same trouble, whatever the wording or the request id.
    pub fn same_cause(&self, other: &Self) -> bool {
        let is_of_one_exchange = match (self, other) {
            (Self::Exchange(one), Self::Exchange(other)) => one.same_cause(other),
            (_, _) => true,
        };
        self.diagnostic() == other.diagnostic() && self.aws_code() == other.aws_code() && is_of_one_exchange
    }

    /// Whether a fetch ended before it came to a result.
    pub(super) fn is_cut_off(&self) -> bool {
        matches!(self, Self::TimedOut(_) | Self::Panicked)
    }

    /// How long the other party asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Exchange(error) => error.retry_after(),
            Self::Refused { .. }
            | Self::Unwell { .. }
            | Self::Setup(_)
            | Self::NotSts(_)
            | Self::Unreachable(_)
            | Self::TimedOut(_)
            | Self::SessionTooShort(_)
            | Self::Unusable(_)
            | Self::Stuck(_)
            | Self::Panicked
            | Self::Evicted
            | Self::TooManyAudiences => None,
        }
    }

    /// What is wrong, by its stable name.
    pub fn diagnostic(&self) -> DiagnosticCode {
        match self {
            Self::Refused { code, .. } => refused_diagnostic(code.kind()),
            Self::Unwell { .. } => DiagnosticCode::StsUnwell,
            Self::NotSts(_) => DiagnosticCode::NotSts,
            Self::Unreachable(_) => DiagnosticCode::StsUnreachable,
            Self::TimedOut(_) => DiagnosticCode::StsTimeout,
            Self::Setup(error) => error.diagnostic(),
            Self::Exchange(error) => error.diagnostic(),
            Self::SessionTooShort(_) => DiagnosticCode::SessionTooShort,
            Self::Unusable(_) => DiagnosticCode::TokenUnusable,
            Self::Stuck(_) => DiagnosticCode::RefresherStuck,
            Self::Panicked => DiagnosticCode::Panicked,
            Self::Evicted => DiagnosticCode::TokenCacheFull,
            Self::TooManyAudiences => DiagnosticCode::TooManyAudiences,
        }
    }

    /// How metrics name it.
    pub fn class(&self) -> ErrorClass {
        self.aws_code().map_or(ErrorClass::TRANSPORT, AwsCode::class)
    }

    /// What an operator can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Refused { code, .. } => refused_hint(code.kind()),
            Self::Unwell { .. } => "nothing to do here: tries go on until STS is well again",
            Self::NotSts(_) => NOT_STS,
            Self::Unreachable(_) | Self::TimedOut(_) => STS_UNREACHABLE,
            Self::Setup(error) => error.hint(),
            Self::Exchange(error) => error.hint(),
            Self::SessionTooShort(_) => "tries go on until the credentials' provider offers a newer session",
            Self::Unusable(_) => {
                "see what answers in place of STS (AWS_ENDPOINT_URL_STS, --sts-endpoint-url), and this machine's clock"
            }
            Self::Stuck(_) => {
                "another fetch begins; see whether the machine has a CPU to spare, and report it if so"
            }
            Self::Panicked => {
                "tries go on; the line before says where it was: please report it with the version"
            }
            Self::TooManyAudiences => "let callers name fewer upstreams (--allow-host)",
            Self::Evicted => {
                "raise --token-cache-capacity, or let callers name fewer upstreams (--allow-host)"
            }
        }
    }
}

fn refused_diagnostic(kind: CodeKind) -> DiagnosticCode {
    match kind {
        CodeKind::AccessDenied => DiagnosticCode::StsAccessDenied,
        CodeKind::FederationDisabled => DiagnosticCode::FederationDisabled,
        CodeKind::SessionTooShort => DiagnosticCode::SessionTooShort,
        CodeKind::CredentialsExpired => DiagnosticCode::CredentialsExpired,
        CodeKind::AccessKeyUnknown => DiagnosticCode::AccessKeyUnknown,
        CodeKind::SignatureRejected => DiagnosticCode::SignatureRejected,
        CodeKind::Validation => DiagnosticCode::StsValidation,
        CodeKind::TokenTooLarge => DiagnosticCode::TokenTooLarge,
        CodeKind::Throttled => DiagnosticCode::StsThrottled,
        CodeKind::Unwell => DiagnosticCode::StsUnwell,
        CodeKind::IdentityTokenRejected
        | CodeKind::RegionDisabled
        | CodeKind::UnknownCall
        | CodeKind::Unlisted => DiagnosticCode::StsRefused,
    }
}

fn refused_hint(kind: CodeKind) -> &'static str {
    match kind {
        CodeKind::AccessDenied => {
            "allow sts:GetWebIdentityToken for this audience, duration and algorithm (with tags also \
             sts:TagGetWebIdentityToken), and see that the account has outbound web identity federation enabled"
        }
        CodeKind::FederationDisabled => {
            "enable it once per account: aws iam enable-outbound-web-identity-federation"
        }
        CodeKind::SessionTooShort => {
            "the token would outlive the AWS session: shorten --token-duration, or give the role longer sessions"
        }
        CodeKind::TokenTooLarge => "send fewer or shorter --token-tag values",
        CodeKind::CredentialsExpired => "the AWS credentials have expired: see what provides them",
        CodeKind::AccessKeyUnknown => "the AWS access key is unknown: see where the credentials come from",
        CodeKind::SignatureRejected => "see that the secret key is right and that the machine's clock is",
        CodeKind::Validation => {
            "see --token-audience, --token-duration and --token-tag against the limits of STS"
        }
        CodeKind::Throttled => "the account makes too many STS calls: tries go on more slowly",
        CodeKind::Unwell => "nothing to do here: tries go on until STS is well again",
        CodeKind::RegionDisabled => "enable the region for the account, or set AWS_REGION to one that is",
        CodeKind::UnknownCall => {
            "what answers does not know GetWebIdentityToken: see AWS_ENDPOINT_URL_STS and --sts-endpoint-url"
        }
        CodeKind::IdentityTokenRejected | CodeKind::Unlisted => {
            "look the code up in the AWS STS API reference"
        }
    }
}

/// An error and its causes, as they may be shown: the outermost alone rarely says what happened.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    legible::lines(&causes.map(without_request).collect::<Vec<_>>().join(": "), MAX_TEXT_BYTES)
}

/// The text of one cause. The SDK writes a whole request into some, with tokens in its headers and its body: nothing from there
/// on is shown.
fn without_request(cause: &dyn std::error::Error) -> String {
    let text = cause.to_string();
    match text.split_once("Request {") {
        Some((before, _)) => format!("{before}***"),
        None => text,
    }
}
