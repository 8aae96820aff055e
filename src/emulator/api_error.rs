//! Errors of the Query protocol, with the codes of AWS.

use serde::{Deserialize, Serialize};

/// An error of the API, as the client receives it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.name())]
pub struct ApiError {
    /// The code that clients match on.
    pub code: ErrorCode,
    /// The message for people.
    pub message: String,
}

impl ApiError {
    /// Creates an error with a specific message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Creates an error with the usual message of its code.
    pub fn usual(code: ErrorCode) -> Self {
        Self::new(code, code.row().1)
    }
}

/// An error code of AWS. Its serialized form is the code on the wire.
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

    /// The HTTP status of responses with this code.
    pub fn status(self) -> u16 {
        match self {
            Self::IdpCommunicationError
            | Self::IncompleteSignature
            | Self::InvalidAction
            | Self::InvalidIdentityToken
            | Self::InvalidParameterValue
            | Self::JwtPayloadSizeExceededException
            | Self::MalformedInput
            | Self::MalformedQueryString
            | Self::Throttling
            | Self::ValidationError => 400,
            Self::AccessDenied
            | Self::ExpiredToken
            | Self::InvalidClientTokenId
            | Self::MissingAuthenticationToken
            | Self::OutboundWebIdentityFederationDisabledException
            | Self::RegionDisabledException
            | Self::SessionDurationEscalationException
            | Self::SignatureDoesNotMatch => 403,
            Self::FeatureDisabled => 404,
            Self::FeatureEnabled => 409,
            Self::InternalFailure => 500,
            Self::ServiceUnavailable => 503,
        }
    }

    /// The code as text, and its usual message.
    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::AccessDenied => ("AccessDenied", "The caller is not authorized to perform this action"),
            Self::ExpiredToken => ("ExpiredToken", "The security token included in the request is expired"),
            Self::FeatureDisabled => ("FeatureDisabled", "Outbound web identity federation is off"),
            Self::FeatureEnabled => ("FeatureEnabled", "Outbound web identity federation is already on"),
            Self::IdpCommunicationError => ("IDPCommunicationError", "The provider could not be reached"),
            Self::IncompleteSignature => ("IncompleteSignature", "The signature is not complete"),
            Self::InternalFailure => ("InternalFailure", "An internal error has occurred"),
            Self::InvalidAction => ("InvalidAction", "Could not find operation"),
            Self::InvalidClientTokenId => ("InvalidClientTokenId", "The security token is invalid"),
            Self::InvalidIdentityToken => ("InvalidIdentityToken", "The web identity token was not accepted"),
            Self::InvalidParameterValue => ("InvalidParameterValue", "A parameter has an invalid value"),
            Self::JwtPayloadSizeExceededException => {
                ("JWTPayloadSizeExceededException", "The payload of the token would be too large")
            }
            Self::MalformedInput => ("MalformedInput", "A parameter could not be read"),
            Self::MalformedQueryString => ("MalformedQueryString", "The query string has a syntax error"),
            Self::MissingAuthenticationToken => {
                ("MissingAuthenticationToken", "Request is missing Authentication Token")
            }
            Self::OutboundWebIdentityFederationDisabledException => (
                "OutboundWebIdentityFederationDisabledException",
                "Outbound web identity federation is disabled for this account",
            ),
            Self::RegionDisabledException => ("RegionDisabledException", "STS is off in this region"),
            Self::ServiceUnavailable => ("ServiceUnavailable", "The service is temporarily unavailable"),
            Self::SessionDurationEscalationException => {
                ("SessionDurationEscalationException", "The token would outlive the session that asks for it")
            }
            Self::SignatureDoesNotMatch => {
                ("SignatureDoesNotMatch", "The signature does not match the request")
            }
            Self::Throttling => ("Throttling", "Rate exceeded"),
            Self::ValidationError => ("ValidationError", "A parameter is outside its constraints"),
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
