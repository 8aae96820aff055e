//! How upstreams are reached.

use crate::model::parent_proxy::ParentProxy;
use crate::model::target::{Scheme, Target};
use std::path::PathBuf;
use std::time::Duration;

/// How upstreams are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// `--upstream-timeout`: from the request's end to the response's header.
    pub timeout: Duration,
    /// `--upstream-connect-timeout`: for name look-up, connection and TLS handshake together.
    pub connect_timeout: Duration,
    /// `--upstream-idle-timeout`: an unused connection is closed after this time.
    pub idle_timeout: Duration,
    /// Which versions of HTTP are used with upstreams.
    pub protocol: UpstreamProtocol,
    /// TLS towards upstreams.
    pub tls: UpstreamTlsFiles,
    /// `--upstream-connect-to`: the host and port to connect to for the pinned upstream. `None`: the upstream's own.
    pub connect_to: Option<Target>,
    /// The HTTP proxy on the way to upstreams, from the environment.
    pub parent_proxy: Option<ParentProxy>,
    /// `--forwarded-for`.
    pub forwarded_for: ForwardedFor,
}

/// The HTTP proxies on the way to upstreams that the environment names, one for each scheme.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParentProxies {
    /// For `https://` upstreams.
    pub https: Option<ParentProxy>,
    /// For `http://` upstreams.
    pub http: Option<ParentProxy>,
}

impl ParentProxies {
    /// The proxy for upstreams of this scheme.
    pub fn of(&self, scheme: Scheme) -> Option<&ParentProxy> {
        match scheme {
            Scheme::Https => self.https.as_ref(),
            Scheme::Http => self.http.as_ref(),
        }
    }
}

/// `--upstream-protocol`: the versions of HTTP that are used with upstreams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamProtocol {
    /// Over TLS the version that the handshake negotiates, preferably HTTP/2; without TLS HTTP/1.1.
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only; without TLS with prior knowledge.
    Http2,
}

impl UpstreamProtocol {
    /// The protocol as `--upstream-protocol` accepts it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Http1 => "http1",
            Self::Http2 => "http2",
        }
    }
}

/// PEM files for TLS towards upstreams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamTlsFiles {
    /// `--upstream-ca-cert`: certificates that are trusted in addition to the system's.
    pub ca_cert: Option<PathBuf>,
    /// The certificate and key for upstreams that request a client certificate.
    pub client: Option<UpstreamPair>,
}

/// PEM files with a certificate chain and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamPair {
    /// `--upstream-client-cert`.
    pub cert: PathBuf,
    /// `--upstream-client-key`.
    pub key: PathBuf,
}

/// What happens to `X-Forwarded-For`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedFor {
    /// The caller's address is appended.
    Append,
    /// The header is forwarded unchanged.
    Keep,
    /// The header is removed.
    Remove,
}

impl ForwardedFor {
    /// The action as `--forwarded-for` accepts it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Keep => "keep",
            Self::Remove => "remove",
        }
    }
}
