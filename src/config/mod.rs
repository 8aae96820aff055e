//! Turns flags and variables into types that cannot hold invalid values.

use crate::model::aws_variables::AwsVariables;
use generation::Generation;
use listener::{ListenAddr, ListenerConfig};
use logs::LogConfig;
use notices::Notice;
use otel::OtelConfig;
use proxy_variables::ProxyVariable;
use route::RouteConfig;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;
use upstream::ParentProxies;

/// From the keys of an exchange to what it does.
pub mod exchange;
/// What is known of relying parties.
pub mod presets;
/// The variables that name HTTP proxies.
pub mod proxy_variables;
/// The variables of AWS.
mod aws_variables;
/// The variables that attache was started with.
pub mod environment;
/// The names of the variables that set a flag.
pub mod variable_names;
/// The known name that a misspelt one most likely means.
mod nearest;
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
/// The keys of the configuration file.
pub mod file_keys;
/// The configuration file: listeners, routes and credentials.
pub mod file;
/// Which content of the configuration file is in use.
pub mod generation;
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
/// The addresses that callers connect to.
pub mod listener;
/// Where requests go, and what they carry.
pub mod route;
/// How upstreams are reached.
pub mod upstream;
/// What is logged, and in which format.
pub mod logs;

/// The configuration of one run of the proxy. Every value in it is valid.
#[derive(Clone, Debug)]
pub struct Config {
    /// `--config-file`: the file of listeners, routes and credentials, which replace those of the flags.
    pub file: Option<ConfigFilePath>,
    /// Where callers connect. At least one; the flags make one.
    pub listeners: Vec<ListenerConfig>,
    /// Limits on callers' connections.
    pub inbound: InboundConfig,
    /// Where requests go. At least one; the flags make one.
    pub routes: Vec<RouteConfig>,
    /// How tokens are requested and cached.
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
    /// The first listener, which is the only one of a configuration made of flags.
    pub fn listener(&self) -> &ListenerConfig {
        self.listeners.first().expect("a configuration has a listener")
    }

    /// The first route, which is the only one of a configuration made of flags.
    pub fn route(&self) -> &RouteConfig {
        self.routes.first().expect("a configuration has a route")
    }
}

/// A configuration file, with what its routes take from the environment.
#[derive(Clone, Debug)]
pub struct ConfigFilePath {
    /// Where the file is.
    pub path: PathBuf,
    /// The HTTP proxies on the way to its upstreams.
    pub parent_proxies: ParentProxies,
    /// Which content of it is in use.
    pub generation: Generation,
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

/// How tokens are requested and cached, whichever they are.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// `--token-fetch-timeout`: the timeout of one fetch, and of a request's wait for it.
    pub fetch_timeout: Duration,
    /// `--token-cache-capacity`: the maximum number of credentials in the cache.
    pub cache_capacity: NonZeroUsize,
    /// `--sts-endpoint-url`: the endpoint that replaces the region's STS.
    pub sts_endpoint_url: Option<String>,
    /// The values of AWS's variables.
    pub aws: AwsVariables,
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
