//! What goes wrong with a message or its connection.

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
    /// The header is longer, or has more fields, than anybody needs.
    #[error("header too large")]
    HeaderTooLarge,
    /// The body that was to be sent is not of the length that its header says.
    #[error("the body is not of its stated length")]
    Length,
}

impl Error {
    /// Whether the other side ended the message, or never began it.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Closed | Self::Incomplete)
    }

    /// Whether what came is no HTTP.
    pub fn is_parse(&self) -> bool {
        matches!(self, Self::Malformed(_) | Self::HeaderTooLarge)
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
