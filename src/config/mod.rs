//! What the operator typed, turned into types that cannot be wrong.

use crate::proxy::egress::Egress;
use crate::proxy::policy::Policy;
use crate::proxy::routing::RoutingHeader;
use crate::proxy::target::{Scheme, Target};
use crate::token::SigningAlgorithm;
use crate::token::audience_set::AudienceSet;
use crate::token::sts::{TokenRequest, credentials_source::AwsVariables};
use environment::Environment;
use notices::Notice;
use otel::OtelConfig;
use proxy_variables::ProxyVariable;
use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// The environment's proxy variables.
pub mod proxy_variables;
/// AWS's variables.
mod aws_variables;
/// The variables as set, and their names.
pub mod environment;
/// The flags as typed.
pub mod args;
/// Flag before variable before default.
mod reader;
/// Small parsers for single values.
pub mod parse;
/// Durations in Go's syntax.
pub mod duration;
/// Parsers for hosts, headers, URLs and paths.
pub mod network;
/// Addresses to listen on.
pub mod address;
/// What they mean together.
mod resolve;
/// The same for upstreams.
mod resolve_upstream;
/// The same for tokens.
mod resolve_tokens;
/// What each setting came to.
pub mod effective;
/// Quotes and blanks around values.
mod surroundings;
/// Every problem at once, with its cure.
pub mod problems;
/// What is not used, although it looks like a setting.
pub mod notices;
/// What OpenTelemetry's variables say.
pub mod otel;
/// Which requests have spans, and how spans wait.
pub mod otel_spans;
/// What systemd and a service tell each other.
pub mod service_manager;

/// A variable of this process's environment.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// This process's environment, for [`Config::resolve`]. No setting has a name that is not UTF-8.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn environment() -> Environment {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
}

/// Everything that one run of the proxy is told. Nothing in it can be invalid.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where callers connect.
    pub listen: ListenAddr,
    /// Certificate and key for callers, when they are to use TLS.
    pub inbound_tls: Option<TlsFiles>,
    /// Limits on what callers may hold open.
    pub inbound: InboundConfig,
    /// How a request finds its upstream.
    pub routing: Routing,
    /// Which upstreams a caller may name.
    pub policy: Policy,
    /// How upstreams are reached.
    pub upstream: UpstreamConfig,
    /// Which tokens are asked for.
    pub tokens: TokenConfig,
    /// What is logged.
    pub log: LogConfig,
    /// Where metrics and health are served; `None` turns both off.
    pub metrics: Option<MetricsConfig>,
    /// Where telemetry is pushed to, if anywhere.
    pub otel: OtelConfig,
    /// How the process ends.
    pub shutdown: ShutdownConfig,
    /// Variables that name an HTTP proxy, for the calls to STS or for upstreams.
    pub proxy_variables: Vec<ProxyVariable>,
    /// What is not used, although it looks like a setting.
    pub notices: Vec<Notice>,
    /// Worker threads; one of them runs everything on a single thread.
    pub worker_threads: NonZeroUsize,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// Every interface, IPv4 and IPv6 (`:8080`). Port 0 lets the system choose.
    Every(u16),
    /// One host or address (`127.0.0.1:8080`, `localhost:8080`, `[::1]:8080`).
    One(String, u16),
    /// A Unix socket (`unix:/run/attache.sock`), whose path is short enough for one.
    Unix(PathBuf),
}

/// As it was written.
impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(port) => write!(f, ":{port}"),
            Self::One(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::One(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A certificate chain, its private key, and who vouches for callers, all PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// `--tls-cert`.
    pub cert: PathBuf,
    /// `--tls-key`.
    pub key: PathBuf,
    /// `--tls-client-ca`: callers must present a certificate that one of these signed. `None` asks for none.
    pub client_ca: Option<PathBuf>,
}

/// Limits on callers.
#[derive(Clone, Debug)]
pub struct InboundConfig {
    /// `--max-connections`: more are answered 503 and closed. `None`: by the limit of open files.
    pub max_connections: Option<NonZeroUsize>,
    /// `--header-read-timeout`: a request's header must be complete this long after its first byte.
    pub header_read_timeout: Duration,
    /// `--idle-timeout`: a connection without a request is closed after this.
    pub idle_timeout: Duration,
}

/// How a request finds its upstream.
#[derive(Clone, Debug)]
pub enum Routing {
    /// Every request goes to one upstream (`--upstream-host`).
    Pinned(Target),
    /// Each request names its upstream.
    ByHeader {
        /// The header that names it; `Host` reads the request's own authority.
        header: RoutingHeader,
        /// The scheme of every upstream.
        scheme: Scheme,
    },
}

impl Routing {
    /// The scheme of every upstream.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Pinned(target) => target.scheme(),
            Self::ByHeader { scheme, .. } => *scheme,
        }
    }
}

/// How upstreams are reached.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// `--upstream-timeout`: from the request's end to the response's header.
    pub timeout: Duration,
    /// `--upstream-connect-timeout`: name look-up, connection and TLS handshake together.
    pub connect_timeout: Duration,
    /// `--upstream-idle-timeout`: an unused connection is closed after this.
    pub idle_timeout: Duration,
    /// What upstreams are spoken to in.
    pub protocol: UpstreamProtocol,
    /// TLS towards upstreams.
    pub tls: UpstreamTlsFiles,
    /// `--upstream-connect-to`: what is connected to for the pinned upstream. `None`: the upstream's own host and port.
    pub connect_to: Option<Target>,
    /// The HTTP proxy on the way to upstreams, from the environment.
    pub egress: Option<Egress>,
    /// `--forwarded-for`.
    pub forwarded_for: ForwardedFor,
}

/// `--upstream-protocol`: the versions of HTTP that upstreams are spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamProtocol {
    /// Over TLS what the handshake settles, HTTP/2 rather than HTTP/1.1; HTTP/1.1 without TLS.
    Auto,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 alone, without TLS by prior knowledge.
    Http2,
}

/// Files for TLS towards upstreams, all PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamTlsFiles {
    /// `--upstream-ca-cert`: certificates trusted besides the system's.
    pub ca_cert: Option<PathBuf>,
    /// What is shown to upstreams that ask for a certificate.
    pub client: Option<UpstreamPair>,
}

/// A certificate chain and its private key, both PEM.
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
    /// The header goes on as it came.
    Keep,
    /// The header is removed.
    Remove,
}

/// Which tokens are asked for, and how they are kept.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// `--token-audience`; `None` derives the audience from the upstream.
    pub audiences: Option<AudienceSet>,
    /// `--token-signing-algorithm`.
    pub algorithm: SigningAlgorithm,
    /// `--token-duration`: the life asked for.
    pub duration: Duration,
    /// `--token-refresh-skew`: renewal starts this long before expiry.
    pub refresh_skew: Duration,
    /// `--token-fetch-timeout`: the bound on one fetch, and on a request's wait for it.
    pub fetch_timeout: Duration,
    /// `--token-cache-capacity`: the most audience sets held.
    pub cache_capacity: NonZeroUsize,
    /// `--token-tag`: what becomes the token's `request_tags`, keys without duplicates.
    pub tags: Vec<(String, String)>,
    /// `--sts-endpoint-url`: where tokens are minted instead of the region's STS.
    pub sts_endpoint_url: Option<String>,
    /// What AWS's variables say.
    pub aws: AwsVariables,
}

impl TokenConfig {
    /// What STS is asked for.
    pub fn token_request(&self) -> TokenRequest {
        TokenRequest {
            algorithm: self.algorithm,
            duration: self.duration,
            tags: self.tags.clone(),
            fetch_timeout: self.fetch_timeout,
        }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// `--log-level`.
    pub level: LogLevel,
    /// `--log-format`.
    pub format: LogFormat,
    /// `--access-log`: one line a request at any level.
    pub access_log: bool,
}

/// The least severe level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything, each request included.
    Debug,
    /// What an operator wants to know.
    Info,
    /// What may need attention.
    Warn,
    /// What does.
    Error,
}

impl LogLevel {
    /// As `--log-level` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// `key=value` pairs.
    Text,
}

/// Where metrics and health are served.
#[derive(Clone, Debug)]
pub struct MetricsConfig {
    /// `--metrics-listen-addr`.
    pub listen: ListenAddr,
    /// `--metrics-path`.
    pub path: String,
}

/// How the process ends after SIGTERM or SIGINT.
#[derive(Clone, Debug)]
pub struct ShutdownConfig {
    /// `--shutdown-delay`: not ready, but still accepting, for this long.
    pub delay: Duration,
    /// `--shutdown-timeout`: what is in flight may take this long.
    pub timeout: Duration,
}
