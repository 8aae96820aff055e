//! Why a request was not answered by its upstream, sorted by who must act.

use super::policy::Denied;
use super::target::Target;
use crate::telemetry::labels::ErrorType;
use crate::token::error::TokenError;
use crate::trouble::Trouble;
use http::HeaderName;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

/// Why a request was not answered by its upstream.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The request is not one that everybody reads alike.
    #[error("the request is malformed")]
    Malformed,
    /// The caller named no upstream in this header.
    #[error("the request names no upstream in {0}")]
    NoTarget(HeaderName),
    /// The caller named its upstream in a way that is refused.
    #[error("the request names its upstream wrongly")]
    InvalidTarget,
    /// The policy forbids the upstream that the caller named.
    #[error("the policy does not allow {0}")]
    Denied(Target, Denied),
    /// The caller wanted a tunnel.
    #[error("CONNECT is not supported")]
    Connect,
    /// There is no token to send.
    #[error("no token for {0}: {1}")]
    Token(Target, Arc<TokenError>),
    /// The upstream could not be reached, or did not speak HTTP.
    #[error("{0}: {1}")]
    Upstream(Target, #[source] UpstreamError),
}

/// What went wrong on the way to the upstream.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The name did not resolve.
    #[error("the name cannot be resolved: {0}")]
    Dns(#[source] std::io::Error),
    /// Every address of the name is forbidden.
    #[error("every address of the name is refused")]
    AddressDenied,
    /// No address accepted a connection.
    #[error("cannot connect: {0}")]
    Connect(#[source] std::io::Error),
    /// The TLS handshake failed.
    #[error("TLS failed: {0}")]
    Tls(#[source] std::io::Error),
    /// Name look-up, connection and handshake took longer than `--upstream-connect-timeout`.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// No response header came within `--upstream-timeout`.
    #[error("no response within {0:?}")]
    ResponseTimeout(Duration),
    /// The caller's body broke off, or is no body.
    #[error("the caller's body is not whole: {0}")]
    RequestBody(#[source] hyper::Error),
    /// The connection broke before the response, or the response is no HTTP.
    #[error("no usable response: {0}")]
    Exchange(#[source] hyper::Error),
}

impl ProxyError {
    /// What is wrong, by its stable name.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Malformed => Trouble::RequestMalformed,
            Self::NoTarget(_) => Trouble::UpstreamMissing,
            Self::InvalidTarget => Trouble::UpstreamInvalid,
            Self::Denied(_, Denied::Host) => Trouble::HostNotAllowed,
            Self::Denied(_, Denied::Address) => Trouble::AddressNotAllowed,
            Self::Connect => Trouble::ConnectMethod,
            Self::Token(_, error) => error.trouble(),
            Self::Upstream(_, error) => error.trouble(),
        }
    }
}

impl UpstreamError {
    /// What is wrong, by its stable name.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Dns(_) => Trouble::UpstreamDns,
            Self::AddressDenied => Trouble::AddressNotAllowed,
            Self::Connect(_) => Trouble::UpstreamConnect,
            Self::Tls(_) => Trouble::UpstreamTls,
            Self::ConnectTimeout(_) => Trouble::UpstreamConnectTimeout,
            Self::ResponseTimeout(_) => Trouble::UpstreamTimeout,
            Self::RequestBody(_) => Trouble::RequestBodyBroken,
            Self::Exchange(_) => Trouble::UpstreamBroken,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Dns(_) => "check the upstream's name, and that it resolves where attache runs",
            Self::AddressDenied => {
                "open the range with --allow-address, if the upstream is meant to be there"
            }
            Self::Connect(_) => {
                "check the upstream's host and port, and what firewalls and network policies allow"
            }
            Self::Tls(_) => {
                "check the upstream's certificate and the name it is for; --upstream-ca-cert adds an authority"
            }
            Self::ConnectTimeout(_) => {
                "check what firewalls and network policies allow, or raise --upstream-connect-timeout"
            }
            Self::ResponseTimeout(_) => "ask why the upstream is slow, or raise --upstream-timeout",
            Self::RequestBody(_) => "ask the caller why its body ends early",
            Self::Exchange(_) => {
                "check that the upstream speaks HTTP at this port, and its own log for why it hung up"
            }
        }
    }

    /// How metrics name it.
    pub fn error_type(&self) -> ErrorType {
        match self {
            Self::ConnectTimeout(_) | Self::ResponseTimeout(_) => ErrorType::Timeout,
            Self::Connect(error) if error.kind() == ErrorKind::ConnectionRefused => {
                ErrorType::ConnectionRefused
            }
            Self::Connect(error) if error.kind() == ErrorKind::TimedOut => ErrorType::Timeout,
            Self::Connect(_)
            | Self::Dns(_)
            | Self::AddressDenied
            | Self::Tls(_)
            | Self::RequestBody(_)
            | Self::Exchange(_) => ErrorType::Unknown,
        }
    }
}
