//! Turns flags and variables into types that cannot hold invalid values.

use crate::model::audience_set::AudienceSet;
use crate::model::aws_variables::AwsVariables;
use crate::model::credential_spec::{CredentialSpec, CredentialTemplate};
use crate::model::policy::Policy;
use crate::model::routing_header::RoutingHeader;
use crate::model::target::{Scheme, Target};
use crate::model::token_request::SigningAlgorithm;
use logs::LogConfig;
use notices::Notice;
use otel::OtelConfig;
use proxy_variables::ProxyVariable;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;
use upstream::UpstreamConfig;

/// The variables that name HTTP proxies.
pub mod proxy_variables;
/// The variables of AWS.
mod aws_variables;
/// The variables that attache was started with.
pub mod environment;
/// The names of the variables that set a flag.
pub mod variable_names;
/// Variables that look like settings and are none.
mod strays;
/// The flags as given on the command line.
pub mod args;
/// Reads each setting from its flag, its variable or its default.
mod reader;
/// Parsers for single values.
pub mod parse;
/// Durations in Go's syntax.
pub mod duration;
/// Parsers for hosts, headers, URLs and paths.
pub mod network;
/// Addresses to listen on.
pub mod address;
/// Resolves all settings.
mod resolve;
/// Resolves the settings of upstreams.
mod resolve_upstream;
/// Resolves the settings of tokens.
mod resolve_tokens;
/// The effective value of each setting.
pub mod effective;
/// Hints for values with quotes or blanks around them.
mod surroundings;
/// All problems of the settings, with hints.
pub mod problems;
/// Variables that are not used although they look like settings.
pub mod notices;
/// The variables of OpenTelemetry.
pub mod otel;
/// Values that several variables of OpenTelemetry have.
mod otel_values;
/// Which requests have spans, and the queue of spans.
pub mod otel_spans;
/// Socket activation and notifications of systemd.
pub mod service_manager;
/// How upstreams are reached.
pub mod upstream;
/// What is logged, and in which format.
pub mod logs;

/// The configuration of one run of the proxy. Every value in it is valid.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address that callers connect to.
    pub listen: ListenAddr,
    /// The files for callers' TLS; `None` for plain HTTP.
    pub inbound_tls: Option<TlsFiles>,
    /// Limits on callers' connections.
    pub inbound: InboundConfig,
    /// How a request finds its upstream.
    pub routing: Routing,
    /// Which upstreams a caller may name.
    pub policy: Policy,
    /// How upstreams are reached.
    pub upstream: UpstreamConfig,
    /// Which tokens are requested.
    pub tokens: TokenConfig,
    /// What is logged.
    pub log: LogConfig,
    /// Where metrics and health are served; `None` if neither is.
    pub metrics: Option<MetricsConfig>,
    /// Where telemetry is pushed to, if it is.
    pub otel: OtelConfig,
    /// How the process ends.
    pub shutdown: ShutdownConfig,
    /// Variables that name an HTTP proxy, for the calls to STS or for upstreams.
    pub proxy_variables: Vec<ProxyVariable>,
    /// Variables that are not used although they look like settings.
    pub notices: Vec<Notice>,
    /// The number of worker threads. With 1, everything runs on a single thread.
    pub worker_threads: NonZeroUsize,
}

impl Config {
    /// The rules on upstreams that are enforced. `None` for a pinned upstream, because the operator chose it.
    pub fn enforced_policy(&self) -> Option<&Policy> {
        match self.routing {
            Routing::Pinned(_) => None,
            Routing::ByHeader { .. } => Some(&self.policy),
        }
    }

    /// The credential that is known before any request: for the configured audiences, or for the pinned upstream's own.
    pub fn known_credential(&self) -> Option<CredentialSpec> {
        let template = self.tokens.template();
        match (&self.tokens.audiences, &self.routing) {
            (Some(audiences), _) => Some(template.with(audiences.clone())),
            (None, Routing::Pinned(target)) => Some(template.of(target)),
            (None, Routing::ByHeader { .. }) => None,
        }
    }
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

/// Shows the address in the syntax of `--listen-addr`.
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

/// PEM files with a certificate chain, its private key and the authorities of callers' certificates.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// `--tls-cert`.
    pub cert: PathBuf,
    /// `--tls-key`.
    pub key: PathBuf,
    /// `--tls-client-ca`: callers must present a certificate issued by one of these authorities. `None`: callers need no
    /// certificate.
    pub client_ca: Option<PathBuf>,
}

/// Limits on callers.
#[derive(Clone, Debug)]
pub struct InboundConfig {
    /// `--max-connections`: further connections are answered with 503 and closed. `None`: derived from the limit of open files.
    pub max_connections: Option<NonZeroUsize>,
    /// `--header-read-timeout`: a request's header must be complete this long after its first byte.
    pub header_read_timeout: Duration,
    /// `--idle-timeout`: a connection without a request is closed after this time.
    pub idle_timeout: Duration,
}

/// How a request finds its upstream.
#[derive(Clone, Debug)]
pub enum Routing {
    /// Every request goes to one upstream (`--upstream-host`).
    Pinned(Target),
    /// Each request names its upstream.
    ByHeader {
        /// The header that names it. `Host` means the request's own authority.
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

/// Which tokens are requested, and how they are cached.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// `--token-audience`; `None` derives the audience from the upstream.
    pub audiences: Option<AudienceSet>,
    /// `--token-signing-algorithm`.
    pub algorithm: SigningAlgorithm,
    /// `--token-duration`: the requested lifetime.
    pub duration: Duration,
    /// `--token-refresh-skew`: a token is renewed this long before it expires.
    pub refresh_skew: Duration,
    /// `--token-fetch-timeout`: the timeout of one fetch, and of a request's wait for it.
    pub fetch_timeout: Duration,
    /// `--token-cache-capacity`: the maximum number of audience sets in the cache.
    pub cache_capacity: NonZeroUsize,
    /// `--token-tag`: the token's `request_tags`. Keys are unique.
    pub tags: Vec<(String, String)>,
    /// `--sts-endpoint-url`: the endpoint that replaces the region's STS.
    pub sts_endpoint_url: Option<String>,
    /// The values of AWS's variables.
    pub aws: AwsVariables,
}

impl TokenConfig {
    /// All that decides which credential a request carries, but for its audiences.
    pub fn template(&self) -> CredentialTemplate {
        CredentialTemplate {
            algorithm: self.algorithm,
            lifetime: self.duration,
            tags: self.tags.clone(),
            refresh_skew: self.refresh_skew,
        }
    }
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
    /// `--shutdown-delay`: how long the process still accepts connections while it is not ready.
    pub delay: Duration,
    /// `--shutdown-timeout`: how long requests in flight may take.
    pub timeout: Duration,
}
