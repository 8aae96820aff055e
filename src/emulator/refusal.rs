//! Why a call was refused, in AWS's codes.

use serde::{Deserialize, Serialize};

/// A refusal as the caller reads it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.name())]
pub struct Refusal {
    /// The code that clients match on.
    pub code: ErrorCode,
    /// What is said to a person.
    pub message: String,
}

impl Refusal {
    /// A refusal with its own message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A refusal with the code's usual message.
    pub fn usual(code: ErrorCode) -> Self {
        Self::new(code, code.row().2)
    }
}

/// A code on the wire. Its serialized form is that code.
#[expect(missing_docs, reason = "each code is AWS's own word; the table below says what it means")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorCode {
    AccessDenied,
    ExpiredToken,
    FeatureDisabled,
    FeatureEnabled,
    #[serde(rename = "IDPCommunicationError")]
    IdpCommunicationError,
    IncompleteSignature,
    InternalFailure,
    InvalidAction,
    InvalidClientTokenId,
    InvalidIdentityToken,
    InvalidParameterValue,
    #[serde(rename = "JWTPayloadSizeExceededException")]
    JwtPayloadSizeExceededException,
    MalformedInput,
    MalformedQueryString,
    MissingAuthenticationToken,
    OutboundWebIdentityFederationDisabledException,
    RegionDisabledException,
    ServiceUnavailable,
    SessionDurationEscalationException,
    SignatureDoesNotMatch,
    Throttling,
    ValidationError,
}

impl ErrorCode {
    /// The code as text.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status it comes with.
    pub fn status(self) -> u16 {
        self.row().1
    }

    /// Code, status and usual message.
    fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::AccessDenied => {
                ("AccessDenied", 403, "The caller is not authorized to perform this action")
            }
            Self::ExpiredToken => {
                ("ExpiredToken", 403, "The security token included in the request is expired")
            }
            Self::FeatureDisabled => {
                ("FeatureDisabled", 404, "Outbound web identity federation is not enabled for this account")
            }
            Self::FeatureEnabled => (
                "FeatureEnabled",
                409,
                "Outbound web identity federation is already enabled for this account",
            ),
            Self::IdpCommunicationError => {
                ("IDPCommunicationError", 400, "The identity provider could not be reached")
            }
            Self::IncompleteSignature => {
                ("IncompleteSignature", 400, "The request signature does not conform to AWS standards")
            }
            Self::InternalFailure => ("InternalFailure", 500, "An internal error has occurred"),
            Self::InvalidAction => ("InvalidAction", 400, "Could not find operation"),
            Self::InvalidClientTokenId => {
                ("InvalidClientTokenId", 403, "The security token included in the request is invalid.")
            }
            Self::InvalidIdentityToken => {
                ("InvalidIdentityToken", 400, "The web identity token was not accepted")
            }
            Self::InvalidParameterValue => ("InvalidParameterValue", 400, "A parameter has an invalid value"),
            Self::JwtPayloadSizeExceededException => {
                ("JWTPayloadSizeExceededException", 400, "The payload of the token would be too large")
            }
            Self::MalformedInput => ("MalformedInput", 400, "A parameter could not be read"),
            Self::MalformedQueryString => {
                ("MalformedQueryString", 400, "The query string contains a syntax error")
            }
            Self::MissingAuthenticationToken => {
                ("MissingAuthenticationToken", 403, "Request is missing Authentication Token")
            }
            Self::OutboundWebIdentityFederationDisabledException => (
                "OutboundWebIdentityFederationDisabledException",
                403,
                "Outbound web identity federation is disabled for this account",
            ),
            Self::RegionDisabledException => {
                ("RegionDisabledException", 403, "STS is not activated in this region for the account")
            }
            Self::ServiceUnavailable => ("ServiceUnavailable", 503, "The service is temporarily unavailable"),
            Self::SessionDurationEscalationException => (
                "SessionDurationEscalationException",
                403,
                "The requested token would outlive the session that asks for it",
            ),
            Self::SignatureDoesNotMatch => {
                ("SignatureDoesNotMatch", 403, "The calculated signature does not match the one provided")
            }
            Self::Throttling => ("Throttling", 400, "Rate exceeded"),
            Self::ValidationError => ("ValidationError", 400, "A parameter is outside its constraints"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_serialized_as_it_is_on_the_wire() {
        for name in [
            "AccessDenied",
            "ExpiredToken",
            "IDPCommunicationError",
            "InvalidClientTokenId",
            "JWTPayloadSizeExceededException",
            "OutboundWebIdentityFederationDisabledException",
            "SessionDurationEscalationException",
            "SignatureDoesNotMatch",
            "Throttling",
            "ValidationError",
        ] {
            let code: ErrorCode = serde_json::from_value(name.into()).unwrap();
            assert_eq!(code.name(), name);
        }
    }
}
