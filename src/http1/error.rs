//! Why a message or its connection failed.

use super::limits::{MAX_FIELDS, MAX_HEADER_BYTES, MAX_TARGET_BYTES};
use std::io;

/// Why a message was not read or not written to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection ended before the first byte of the message.
    #[error("connection closed before the message began")]
    Closed,
    /// The connection ended in the middle of the message.
    #[error("connection closed before message completed")]
    Incomplete,
    /// The connection broke.
    #[error("connection error: {0}")]
    Io(#[from] io::Error),
    /// The bytes are no message of HTTP/1.
    #[error("invalid HTTP: {0}")]
    Malformed(&'static str),
    /// The request target has a byte that is not allowed there.
    #[error("invalid HTTP: byte {0:#04x} in the request target")]
    TargetByte(u8),
    /// The request has a major version other than 1.
    #[error("HTTP version not supported: HTTP/1.0, HTTP/1.1 and HTTP/2 with its own preface are")]
    Version,
    /// The header or the trailers exceed the limits.
    #[error("header too large: the limits are {MAX_FIELDS} fields and {} KiB", MAX_HEADER_BYTES / 1024)]
    HeaderTooLarge,
    /// The request target exceeds its limit, or the header exceeds its limit within the target.
    #[error("request target too long: the limit is {MAX_TARGET_BYTES} bytes")]
    TargetTooLong,
    /// The length of the body to send differs from the length that its header states.
    #[error("the body is not of its stated length")]
    Length,
}

impl Error {
    /// Whether the other side closed the connection before or within the message.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Closed | Self::Incomplete)
    }

    /// The error of the operating system or of TLS, where there is one.
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Io(error) => Some(error),
            Self::Closed
            | Self::Incomplete
            | Self::Malformed(_)
            | Self::TargetByte(_)
            | Self::Version
            | Self::HeaderTooLarge
            | Self::TargetTooLong
            | Self::Length => None,
        }
    }

    /// Whether the bytes are no valid HTTP within the limits.
    pub fn is_parse(&self) -> bool {
        match self {
            Self::Malformed(_)
            | Self::TargetByte(_)
            | Self::Version
            | Self::HeaderTooLarge
            | Self::TargetTooLong => true,
            Self::Closed | Self::Incomplete | Self::Io(_) | Self::Length => false,
        }
    }
}

impl From<httparse::Error> for Error {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::TooManyHeaders => Self::HeaderTooLarge,
            httparse::Error::HeaderName => Self::Malformed("header name"),
            httparse::Error::HeaderValue => Self::Malformed("header value"),
            httparse::Error::NewLine => Self::Malformed("line end"),
            httparse::Error::Status => Self::Malformed("status"),
            httparse::Error::Token => Self::Malformed("method or target"),
            httparse::Error::Version => Self::Malformed("version"),
        }
    }
}
