//! Why a message to or from an upstream did not come whole.

use crate::http1::client::ExchangeError;
use crate::http1::error::Error as Http1Error;
use crate::legible;
use crate::tls::error as tls_error;
use rustls::AlertDescription;
use std::error::Error;

/// What breaks a message of either version of HTTP.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// HTTP/1.
    #[error(transparent)]
    Http1(Http1Error),
    /// HTTP/2.
    #[error("{}", with_cause(.0))]
    Http2(#[from] hyper::Error),
    /// The connection ended within a response of which nothing has gone on.
    #[error("connection closed before message completed")]
    Incomplete,
    /// The other side ended the connection by an alert of TLS.
    #[error("{0}")]
    Alert(rustls::Error),
}

impl From<Http1Error> for MessageError {
    fn from(error: Http1Error) -> Self {
        let alert = error.io().and_then(tls_error::alert);
        alert.map_or(Self::Http1(error), Self::alert)
    }
}

impl From<ExchangeError<Self>> for MessageError {
    fn from(error: ExchangeError<Self>) -> Self {
        match error {
            ExchangeError::Body(error) => error,
            ExchangeError::Message(error) => error.into(),
        }
    }
}

impl MessageError {
    /// This alert ended the connection.
    pub fn alert(alert: AlertDescription) -> Self {
        Self::Alert(rustls::Error::AlertReceived(alert))
    }

    /// Whether an alert of TLS ended the connection.
    pub fn is_alert(&self) -> bool {
        matches!(self, Self::Alert(_))
    }

    /// Whether the other side ended the message, or never began it.
    pub fn is_incomplete(&self) -> bool {
        match self {
            Self::Http1(error) => error.is_incomplete(),
            Self::Http2(error) => error.is_incomplete_message(),
            Self::Incomplete => true,
            Self::Alert(_) => false,
        }
    }

    /// Whether what came is no HTTP.
    pub fn is_parse(&self) -> bool {
        match self {
            Self::Http1(error) => error.is_parse(),
            Self::Http2(error) => error.is_parse(),
            Self::Incomplete | Self::Alert(_) => false,
        }
    }
}

/// The most bytes of a cause that are told.
const MAX_CAUSE: usize = 256;

/// hyper's own words only say where it happened: `connection error`, `http2 error`. The debug data of a GOAWAY is in the
/// cause, and an upstream may put there what it received, the token included.
fn with_cause(error: &hyper::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", legible::line(&cause.to_string(), MAX_CAUSE)),
        None => error.to_string(),
    }
}
