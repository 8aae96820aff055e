//! Why an HTTP proxy on the way to an upstream opened no tunnel.

use super::connect_time::ConnectTime;
use crate::diagnostics::DiagnosticCode;
use crate::http1::error as http1;
use http::StatusCode;
use std::io;
use std::time::Duration;

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// The proxy's own name does not resolve.
    #[error("its name cannot be resolved: {0}")]
    Dns(#[source] io::Error),
    /// The look-up of the proxy's own name had no answer within `--upstream-connect-timeout`.
    #[error("the DNS did not answer for its name within {0:?}")]
    DnsTimeout(Duration),
    /// It is this very proxy.
    #[error("it is attache itself")]
    Loop,
    /// The proxy accepts no connection.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// The proxy wants credentials (407), and its URL has none.
    #[error("it wants a user and a password, and its URL has none")]
    NoCredentials,
    /// The proxy wants other credentials than those of its URL (407).
    #[error("it does not accept the user and password of its URL")]
    Credentials,
    /// The proxy forbids this upstream (403).
    #[error("it forbids the upstream")]
    Forbidden,
    /// The proxy cannot reach the upstream (502 and 503; Squid answers 503), or not in time (504).
    #[error("it cannot reach the upstream, and answered {0}")]
    NoWay(StatusCode),
    /// The proxy answers with another status.
    #[error("it opened no tunnel, and answered {0}")]
    Refused(StatusCode),
    /// The proxy hangs up, or speaks no HTTP.
    #[error("no usable answer: {0}")]
    Exchange(#[source] http1::Error),
    /// The proxy says that it opened a tunnel, and TLS gets no answer of TLS through it: a page, or the end.
    #[error("it opened a tunnel, and TLS through it failed: {0}")]
    Tunnel(#[source] io::Error),
    /// All of it, the upstream's own TLS included, takes longer than `--upstream-connect-timeout`.
    #[error("no connection to the upstream within {0}")]
    Timeout(ConnectTime),
}

impl TunnelError {
    /// Whether the proxy, or the upstream behind it, took too long.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::DnsTimeout(_) | Self::Timeout(_))
            || matches!(self, Self::NoWay(status) if status.as_u16() == 504)
    }

    /// The status that the proxy answered with, where it answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::NoCredentials | Self::Credentials => Some(407),
            Self::Forbidden => Some(403),
            Self::NoWay(status) | Self::Refused(status) => Some(status.as_u16()),
            Self::Dns(_)
            | Self::DnsTimeout(_)
            | Self::Loop
            | Self::Connect(_)
            | Self::Exchange(_)
            | Self::Tunnel(_)
            | Self::Timeout(_) => None,
        }
    }

    /// What is wrong, by its stable name.
    pub fn diagnostic(&self) -> DiagnosticCode {
        match self {
            Self::Loop => DiagnosticCode::ProxyLoop,
            Self::Dns(_) | Self::DnsTimeout(_) | Self::Connect(_) => DiagnosticCode::ParentProxyUnreachable,
            Self::NoCredentials | Self::Credentials => DiagnosticCode::ParentProxyCredentials,
            Self::NoWay(_) => DiagnosticCode::ParentProxyNoWay,
            Self::Forbidden | Self::Refused(_) => DiagnosticCode::ParentProxyRefused,
            Self::Exchange(_) | Self::Tunnel(_) => DiagnosticCode::ParentProxyBroken,
            Self::Timeout(_) => DiagnosticCode::ParentProxyTimeout,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Loop => "unset the proxy variable for attache, or add the upstreams to NO_PROXY",
            Self::Dns(_) | Self::Connect(_) => {
                "check the proxy variable's host and port; NO_PROXY lists upstreams to reach without it"
            }
            Self::DnsTimeout(_) => "see why this machine's DNS does not answer",
            Self::NoCredentials | Self::Credentials => {
                "put user and password into the proxy variable: http://user:password@host:port"
            }
            Self::NoWay(_) => {
                "see the proxy's log for why: the upstream's name as the proxy resolves it, its port, and the way there"
            }
            Self::Refused(status) => refusal_hint(status.as_u16()),
            Self::Forbidden => "have the proxy allow CONNECT to this upstream, or list it in NO_PROXY",
            Self::Exchange(_) => "check that the proxy variable names an HTTP proxy, spoken to without TLS",
            Self::Tunnel(_) => {
                "see what the proxy sends after its 200 to CONNECT, and whether the upstream's port speaks TLS"
            }
            Self::Timeout(time) if time.is_mostly_lookup() => "see why this machine's DNS is slow",
            Self::Timeout(_) => "ask why the proxy is slow, or raise --upstream-connect-timeout",
        }
    }
}

/// What to do about a proxy that answers `CONNECT` so.
fn refusal_hint(status: u16) -> &'static str {
    match status {
        300..=399 | 511 => "log this machine in at the proxy, or have the proxy let it pass without",
        400 | 404 | 405 | 501 => {
            "check that the proxy variable names an HTTP proxy that opens tunnels (CONNECT)"
        }
        429 => "have the proxy allow attache more tunnels, or list this upstream in NO_PROXY",
        500..=599 => "see the proxy's own log for why it failed",
        _ => "have the proxy allow CONNECT to this upstream, or list it in NO_PROXY",
    }
}
