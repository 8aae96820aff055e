//! What goes wrong with a message or its connection.

use super::target::MOST_TARGET;
use super::{MOST_FIELDS, MOST_HEADER};
use std::io;

/// Why a message did not get through.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection ended, and nothing of the message had come.
    #[error("connection closed before the message began")]
    Closed,
    /// The connection ended in the middle of the message.
    #[error("connection closed before message completed")]
    Incomplete,
    /// The connection broke.
    #[error("connection error: {0}")]
    Io(#[from] io::Error),
    /// What came is no message of HTTP/1.
    #[error("invalid HTTP: {0}")]
    Malformed(&'static str),
    /// The target has a byte that no target has.
    #[error("invalid HTTP: byte {0:#04x} in the request target")]
    TargetByte(u8),
    /// The request is of another major version.
    #[error("HTTP version not supported: HTTP/1.0, HTTP/1.1 and HTTP/2 with its own preface are")]
    Version,
    /// The header or the trailers are longer than the limits.
    #[error("header too large: the limits are {MOST_FIELDS} fields and {} KiB", MOST_HEADER / 1024)]
    HeaderTooLarge,
    /// The target is longer than the limit, or the header ends in it.
    #[error("request target too long: the limit is {MOST_TARGET} bytes")]
    TargetTooLong,
    /// The body that was to be sent is not of the length that its header says.
    #[error("the body is not of its stated length")]
    Length,
}

impl Error {
    /// Whether the other side ended the message, or never began it.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Closed | Self::Incomplete)
    }

    /// What the system, or TLS, says of the connection, where that is why.
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

    /// Whether what came is no HTTP.
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
