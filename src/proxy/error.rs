//! Why a request was not answered by its upstream, sorted by the party that must act.

use super::message_error::MessageError;
use crate::credential::error::CredentialError;
use crate::diagnostics::DiagnosticCode;
use crate::dial::connect_time::ConnectTime;
use crate::dial::tunnel_error::TunnelError;
use crate::http1::error::Error as Http1Error;
use crate::model::policy::Denied;
use crate::model::routing_header::RoutingHeader;
use crate::model::target::Target;
use crate::telemetry::labels::ErrorType;
use crate::tls::error as tls_error;
use rustix::io::Errno;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

/// Why a request was not answered by its upstream.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Another HTTP parser could interpret the request differently (request smuggling).
    #[error("the request is malformed")]
    Malformed,
    /// What the caller sent is no request, or a longer one than is read.
    #[error("the request cannot be read: {0}")]
    Unreadable(#[source] Http1Error),
    /// A page of another site has a browser send it.
    #[error("a web page of another site asks for it")]
    CrossSite,
    /// No route is for the request.
    #[error("no route is for the request")]
    NoRoute,
    /// The caller named no upstream in this header.
    #[error("the request names no upstream in {0}")]
    NoTarget(RoutingHeader),
    /// The caller named its upstream in a way that is refused.
    #[error("the request names its upstream wrongly")]
    InvalidTarget,
    /// The policy forbids the upstream that the caller named.
    #[error("the policy does not allow {0}")]
    Denied(Target, Denied),
    /// The caller wanted a tunnel.
    #[error("CONNECT is not supported")]
    Connect,
    /// The caller wanted its request back, which would show it the token.
    #[error("TRACE is not supported")]
    Trace,
    /// There is no token to send.
    #[error("no token for {0}: {1}")]
    Token(Target, Arc<CredentialError>),
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
    /// The look-up of the name had no answer within `--upstream-connect-timeout`.
    #[error("the DNS did not answer within {0:?}")]
    DnsTimeout(Duration),
    /// Every address of the name is forbidden.
    #[error("every address of the name is refused")]
    AddressDenied,
    /// The way to the upstream leads back to this proxy.
    #[error("the request would come back to this proxy")]
    Loop,
    /// No address accepted a connection.
    #[error("cannot connect: {0}")]
    Connect(#[source] std::io::Error),
    /// The process, or the system, may open no further file.
    #[error("no file descriptor is left for a connection")]
    OutOfFiles,
    /// The HTTP proxy on the way, named first with its variable, opened no tunnel that works.
    #[error("through {0}: {1}")]
    ParentProxy(String, #[source] TunnelError),
    /// The TLS handshake failed.
    #[error("TLS failed: {0}")]
    Tls(#[source] std::io::Error),
    /// The upstream does not speak HTTP/2, although `--upstream-protocol` demands it or the handshake settled it.
    #[error("the upstream does not speak HTTP/2")]
    NoHttp2,
    /// Name look-up, connection and handshake took longer than `--upstream-connect-timeout`.
    #[error("no connection within {0}")]
    ConnectTimeout(ConnectTime),
    /// No response header came within `--upstream-timeout`.
    #[error("no response within {0:?}")]
    ResponseTimeout(Duration),
    /// The caller's body broke off, or is no body.
    #[error("the caller's body is not whole: {0}")]
    RequestBody(#[source] MessageError),
    /// The upstream switched protocols unasked or without proof, or answered a wish to switch with neither yes nor no.
    #[error("protocols are not switched as HTTP wants it")]
    Upgrade,
    /// The response has a larger header than is read.
    #[error("no usable response: {0}")]
    HeaderTooLarge(#[source] MessageError),
    /// Something invalid in HTTP/2 ended the connection, with all that was on it.
    #[error("invalid HTTP/2 ended the connection: {0}")]
    InvalidHttp2(#[source] MessageError),
    /// The connection broke before the response, or the response is no HTTP.
    #[error("no usable response: {0}")]
    Exchange(#[source] MessageError),
}

impl ProxyError {
    /// What is wrong, by its stable name.
    pub fn diagnostic(&self) -> DiagnosticCode {
        match self {
            Self::Malformed => DiagnosticCode::RequestMalformed,
            Self::Unreadable(error) => unreadable(error),
            Self::CrossSite => DiagnosticCode::CrossSiteRequest,
            Self::NoRoute => DiagnosticCode::RouteMissing,
            Self::NoTarget(_) => DiagnosticCode::UpstreamMissing,
            Self::InvalidTarget => DiagnosticCode::UpstreamInvalid,
            Self::Denied(_, Denied::Host) => DiagnosticCode::HostNotAllowed,
            Self::Denied(_, Denied::Address) => DiagnosticCode::AddressNotAllowed,
            Self::Connect => DiagnosticCode::ConnectMethod,
            Self::Trace => DiagnosticCode::TraceMethod,
            Self::Token(_, error) => error.diagnostic(),
            Self::Upstream(_, error) => error.diagnostic(),
        }
    }
}

fn unreadable(error: &Http1Error) -> DiagnosticCode {
    match error {
        Http1Error::HeaderTooLarge => DiagnosticCode::RequestHeaderTooLarge,
        Http1Error::TargetTooLong => DiagnosticCode::RequestTargetTooLong,
        Http1Error::Closed
        | Http1Error::Incomplete
        | Http1Error::Io(_)
        | Http1Error::Malformed(_)
        | Http1Error::TargetByte(_)
        | Http1Error::Version
        | Http1Error::Length => DiagnosticCode::RequestMalformed,
    }
}

impl UpstreamError {
    /// The same, told apart from the upstream's own faults where it is this process that may open no further file.
    #[must_use]
    pub fn or_out_of_files(self) -> Self {
        let is_limit = |error: &std::io::Error| {
            let limits = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
            error.raw_os_error().is_some_and(|code| limits.contains(&code))
        };
        if let Self::Dns(error)
        | Self::Connect(error)
        | Self::ParentProxy(_, TunnelError::Dns(error) | TunnelError::Connect(error)) = &self
            && is_limit(error)
        {
            return Self::OutOfFiles;
        }
        self
    }

    /// What breaks an exchange. What an upstream says of attache's certificate comes after the handshake in TLS 1.3, and is
    /// an error of TLS all the same.
    pub fn of(error: MessageError) -> Self {
        match error {
            MessageError::Alert(alert) => Self::Tls(io::Error::new(ErrorKind::InvalidData, alert)),
            MessageError::Http1(Http1Error::HeaderTooLarge) => Self::HeaderTooLarge(error),
            MessageError::Http1(_) | MessageError::Http2(_) | MessageError::Incomplete => {
                Self::Exchange(error)
            }
        }
    }

    /// What is wrong, by its stable name.
    pub fn diagnostic(&self) -> DiagnosticCode {
        match self {
            Self::Dns(_) | Self::DnsTimeout(_) => DiagnosticCode::UpstreamDns,
            Self::AddressDenied => DiagnosticCode::AddressNotAllowed,
            Self::Loop => DiagnosticCode::ProxyLoop,
            Self::Connect(_) => DiagnosticCode::UpstreamConnect,
            Self::OutOfFiles => DiagnosticCode::OutOfFiles,
            Self::ParentProxy(_, error) => error.diagnostic(),
            Self::Tls(_) => DiagnosticCode::UpstreamTls,
            Self::NoHttp2 => DiagnosticCode::UpstreamProtocol,
            Self::ConnectTimeout(_) => DiagnosticCode::UpstreamConnectTimeout,
            Self::ResponseTimeout(_) => DiagnosticCode::UpstreamTimeout,
            Self::RequestBody(_) => DiagnosticCode::RequestBodyBroken,
            Self::HeaderTooLarge(_) => DiagnosticCode::UpstreamHeaderTooLarge,
            Self::InvalidHttp2(_) => DiagnosticCode::UpstreamAnswerInvalid,
            Self::Upgrade | Self::Exchange(_) => DiagnosticCode::UpstreamBroken,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Dns(_) => "check the upstream's name, and that it resolves where attache runs",
            Self::DnsTimeout(_) => "see why this machine's DNS does not answer",
            Self::AddressDenied => {
                "open the range with --allow-address, if the upstream is meant to be there"
            }
            Self::Loop => "name the API itself as upstream, not attache or what leads to it",
            Self::Connect(_) => {
                "check the upstream's host and port, and what firewalls and network policies allow"
            }
            Self::OutOfFiles => "raise the limit of open files, or lower --max-connections",
            Self::Tls(error) => tls_error::hint(error),
            Self::NoHttp2 => {
                "let --upstream-protocol be auto or http1, unless the upstream is to speak HTTP/2"
            }
            Self::ParentProxy(_, error) => error.hint(),
            Self::ConnectTimeout(time) if time.is_mostly_lookup() => "see why this machine's DNS is slow",
            Self::ConnectTimeout(_) => {
                "check what firewalls and network policies allow, or raise --upstream-connect-timeout"
            }
            Self::ResponseTimeout(_) => "ask why the upstream is slow, or raise --upstream-timeout",
            Self::RequestBody(_) => "ask the caller why its body ends early",
            Self::Upgrade => "check that the upstream speaks WebSocket at this path",
            Self::HeaderTooLarge(_) => {
                "have the upstream send fewer fields, or shorter ones: cookies are often why"
            }
            Self::InvalidHttp2(_) => {
                "find the answers that are invalid, or keep others out of their way with --upstream-protocol http1"
            }
            Self::Exchange(_) => {
                "check that the upstream speaks HTTP at this port, and its own log for why it hung up"
            }
        }
    }

    /// How metrics name it.
    pub fn error_type(&self) -> ErrorType {
        match self {
            Self::DnsTimeout(_) | Self::ConnectTimeout(_) | Self::ResponseTimeout(_) => ErrorType::Timeout,
            Self::ParentProxy(_, error) if error.is_timeout() => ErrorType::Timeout,
            Self::Connect(error) | Self::ParentProxy(_, TunnelError::Connect(error))
                if error.kind() == ErrorKind::ConnectionRefused =>
            {
                ErrorType::ConnectionRefused
            }
            Self::Connect(error) | Self::ParentProxy(_, TunnelError::Connect(error))
                if error.kind() == ErrorKind::TimedOut =>
            {
                ErrorType::Timeout
            }
            Self::Connect(_)
            | Self::Dns(_)
            | Self::AddressDenied
            | Self::Loop
            | Self::OutOfFiles
            | Self::ParentProxy(..)
            | Self::Tls(_)
            | Self::NoHttp2
            | Self::RequestBody(_)
            | Self::Upgrade
            | Self::HeaderTooLarge(_)
            | Self::InvalidHttp2(_)
            | Self::Exchange(_) => ErrorType::Unknown,
        }
    }
}
