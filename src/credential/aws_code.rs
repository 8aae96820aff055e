//! The error codes of AWS, read once: what each means to severity, diagnosis, hint and metrics is a match on its kind.

use crate::legible;
use crate::telemetry::labels::ErrorClass;
use std::fmt;

/// The most that is kept of a code, in bytes.
const MAX_CODE_BYTES: usize = 128;

/// An error code as AWS sent it, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCode {
    text: String,
    kind: CodeKind,
    class: ErrorClass,
}

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKind {
    /// A policy denies the call.
    AccessDenied,
    /// The account has outbound web identity federation turned off.
    FederationDisabled,
    /// The token would outlive the session.
    SessionTooShort,
    /// The credentials have expired.
    CredentialsExpired,
    /// AWS does not know the access key.
    AccessKeyUnknown,
    /// The signature is wrong, or made by a wrong clock.
    SignatureRejected,
    /// What was asked for is outside the limits of the call.
    Validation,
    /// The token would be too large.
    TokenTooLarge,
    /// AWS asks for fewer calls.
    Throttled,
    /// The workload's own identity token was refused when it asked for credentials.
    IdentityTokenRejected,
    /// The region is turned off for the account.
    RegionDisabled,
    /// AWS, or what AWS asks in turn, is unwell.
    Unwell,
    /// What answers does not know the call.
    UnknownCall,
    /// A code that is not listed here.
    Unlisted,
}

use CodeKind::{
    AccessDenied, AccessKeyUnknown, CredentialsExpired, FederationDisabled, IdentityTokenRejected,
    RegionDisabled, SessionTooShort, SignatureRejected, Throttled, TokenTooLarge, UnknownCall, Unwell,
    Validation,
};

/// Every spelling that STS, and the services that hand out credentials, are known to send (AWS STS API reference, its
/// actions and common errors; the AWS SDKs' list of throttling codes).
const CODES: [(&str, CodeKind); 49] = [
    ("AccessDenied", AccessDenied),
    ("AccessDeniedException", AccessDenied),
    ("NotAuthorized", AccessDenied),
    ("UnauthorizedOperation", AccessDenied),
    ("OutboundWebIdentityFederationDisabledException", FederationDisabled),
    ("SessionDurationEscalationException", SessionTooShort),
    ("ExpiredToken", CredentialsExpired),
    ("ExpiredTokenException", CredentialsExpired),
    ("InvalidClientTokenId", AccessKeyUnknown),
    ("InvalidAccessKeyId", AccessKeyUnknown),
    ("UnrecognizedClientException", AccessKeyUnknown),
    ("MissingAuthenticationToken", AccessKeyUnknown),
    ("MissingAuthenticationTokenException", AccessKeyUnknown),
    ("OptInRequired", AccessKeyUnknown),
    ("SignatureDoesNotMatch", SignatureRejected),
    ("IncompleteSignature", SignatureRejected),
    ("InvalidSignatureException", SignatureRejected),
    ("RequestExpired", SignatureRejected),
    ("RequestTimeTooSkewed", SignatureRejected),
    ("InvalidParameterCombination", Validation),
    ("InvalidParameterValue", Validation),
    ("InvalidQueryParameter", Validation),
    ("MalformedQueryString", Validation),
    ("MissingParameter", Validation),
    ("ValidationError", Validation),
    ("ValidationException", Validation),
    ("JWTPayloadSizeExceededException", TokenTooLarge),
    ("BandwidthLimitExceeded", Throttled),
    ("LimitExceededException", Throttled),
    ("RequestLimitExceeded", Throttled),
    ("RequestThrottled", Throttled),
    ("RequestThrottledException", Throttled),
    ("SlowDown", Throttled),
    ("ThrottledException", Throttled),
    ("Throttling", Throttled),
    ("ThrottlingException", Throttled),
    ("TooManyRequestsException", Throttled),
    ("IDPRejectedClaim", IdentityTokenRejected),
    ("InvalidIdentityToken", IdentityTokenRejected),
    ("RegionDisabledException", RegionDisabled),
    ("IDPCommunicationError", Unwell),
    ("InternalError", Unwell),
    ("InternalFailure", Unwell),
    ("PriorRequestNotComplete", Unwell),
    ("RequestTimeout", Unwell),
    ("RequestTimeoutException", Unwell),
    ("ServiceUnavailable", Unwell),
    ("InvalidAction", UnknownCall),
    ("UnknownOperationException", UnknownCall),
];

impl AwsCode {
    /// Reads a code. `None` where there is none.
    pub fn read(text: &str) -> Option<Self> {
        let text = legible::line(text.trim(), MAX_CODE_BYTES);
        // Some texts of AWS leave the suffix out, so both spellings have to be one series.
        let known = match text.as_str() {
            "OutboundWebIdentityFederationDisabled" => "OutboundWebIdentityFederationDisabledException",
            known => known,
        };
        let listed = CODES.iter().find(|(code, _)| *code == known);
        let (kind, class) = listed
            .map_or((CodeKind::Unlisted, ErrorClass::OTHER), |(code, kind)| (*kind, ErrorClass::aws(code)));
        (!text.is_empty()).then_some(Self { text, kind, class })
    }

    /// What it means.
    pub fn kind(&self) -> CodeKind {
        self.kind
    }

    /// How metrics name it.
    pub fn class(&self) -> ErrorClass {
        self.class
    }
}

/// As AWS sent it.
impl fmt::Display for AwsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_is_listed_once_and_is_a_series_of_its_own() {
        let names: HashSet<_> = CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(names.len(), CODES.len());
        for (code, kind) in CODES {
            let read = AwsCode::read(code).unwrap();
            assert_eq!((read.kind(), read.class().as_str(), read.to_string()), (kind, code, code.to_owned()));
        }
    }

    #[test]
    fn both_spellings_of_a_federation_that_is_off_are_one_series() {
        let read = AwsCode::read("OutboundWebIdentityFederationDisabled").unwrap();
        assert_eq!(read.class().as_str(), "OutboundWebIdentityFederationDisabledException");
        assert_eq!(read.to_string(), "OutboundWebIdentityFederationDisabled");
    }

    #[test]
    fn a_code_that_is_not_listed_keeps_its_text_and_makes_no_series() {
        let read = AwsCode::read("whatever a proxy between wrote").unwrap();
        assert_eq!((read.kind(), read.class().as_str()), (CodeKind::Unlisted, "other"));
        assert_eq!(AwsCode::read(" "), None);
    }

    #[test]
    fn the_alert_rules_know_what_passes_by_itself() {
        use crate::credential::severity::Severity;
        let rules = include_str!("../../deploy/prometheus/attache.yml");
        let listed = |severity| {
            let codes = CODES.iter().filter(|(_, kind)| Severity::of(*kind) == severity);
            codes.map(|(code, _)| *code).collect::<Vec<_>>().join("|")
        };
        let (throttled, transient) = (listed(Severity::Throttled), listed(Severity::Transient));
        let transient = format!("transport|{transient}");
        for rule in [
            format!("error_class=~\"{throttled}\""),
            format!("error_class=~\"{transient}\""),
            format!("error_class!~\"{throttled}|{transient}\""),
        ] {
            assert!(rules.contains(&rule), "no rule has {rule}");
        }
    }
}
