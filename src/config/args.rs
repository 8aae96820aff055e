//! The flags as given on the command line. They are text, because one invalid value must not hide the next; `resolve.rs` parses
//! them.
//!
//! The doc comment of a flag is its line in `--help`. A test checks that the flag resolves to its `[default: ...]`.

use super::variable_names::variable_of;
use clap::builder::StyledStr;
use clap::{Args as _, Command, FromArgMatches as _};
use std::ffi::OsString;

/// All settings of the proxy, as given on the command line.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    #[command(flatten, next_help_heading = "Configuration file")]
    pub(super) file: FileArgs,
    #[command(flatten, next_help_heading = "Listening")]
    pub(super) listening: ListeningArgs,
    #[command(flatten, next_help_heading = "Upstream")]
    pub(super) upstream: UpstreamArgs,
    #[command(flatten, next_help_heading = "Who may go where")]
    pub(super) policy: PolicyArgs,
    #[command(flatten, next_help_heading = "Tokens")]
    pub(super) tokens: TokenArgs,
    #[command(flatten, next_help_heading = "Logs")]
    pub(super) logs: LogArgs,
    #[command(flatten, next_help_heading = "Metrics and health")]
    pub(super) metrics: MetricsArgs,
    #[command(flatten, next_help_heading = "Process")]
    pub(super) process: ProcessArgs,
}

impl Args {
    /// Adds its variable to each setting's line of help. A command's own flags are under no heading and have no variable.
    pub fn with_variables(command: Command) -> Command {
        command.mut_args(|arg| {
            let Some(flag) = arg.get_help_heading().and(arg.get_long()).map(variable_of) else {
                return arg;
            };
            let help = arg.get_help().map(StyledStr::to_string).unwrap_or_default();
            arg.help(format!("{help} [env: {flag}]"))
        })
    }

    /// Parses flags without a program name before them.
    pub(super) fn from_words<T>(words: impl IntoIterator<Item = T>) -> Result<Self, clap::Error>
    where
        T: Into<OsString> + Clone,
    {
        let command = Command::new("attache").no_binary_name(true).args_override_self(true);
        Self::from_arg_matches(&Self::augment_args(command).try_get_matches_from(words)?)
    }
}

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct FileArgs {
    /// TOML file of listeners, routes and credentials
    #[arg(long, value_name = "FILE")]
    pub(super) config_file: Option<String>,
}

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ListeningArgs {
    /// Where callers connect, host:port, :port or unix:PATH [default: :8080]
    #[arg(long, value_name = "ADDR")]
    pub(super) listen_addr: Option<String>,

    /// PEM certificate chain shown to callers; needs --tls-key
    #[arg(long, value_name = "FILE")]
    pub(super) tls_cert: Option<String>,

    /// PEM private key of --tls-cert
    #[arg(long, value_name = "FILE")]
    pub(super) tls_key: Option<String>,

    /// PEM certificates of authorities that sign callers' own
    #[arg(long, value_name = "FILE")]
    pub(super) tls_client_ca: Option<String>,

    /// Most connections of callers at once; 0 or unset: no limit
    #[arg(long, value_name = "COUNT")]
    pub(super) max_connections: Option<String>,

    /// Longest wait for a request's header [default: 10s]
    #[arg(long, value_name = "DURATION")]
    pub(super) header_read_timeout: Option<String>,

    /// How long a caller may stay without a request [default: 3m]
    #[arg(long, value_name = "DURATION")]
    pub(super) idle_timeout: Option<String>,
}

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct UpstreamArgs {
    /// The one upstream, host or host:port; else each request names its own
    #[arg(long, value_name = "HOST")]
    pub(super) upstream_host: Option<String>,

    /// Connect to this HOST or HOST:PORT for --upstream-host
    #[arg(long, value_name = "HOST")]
    pub(super) upstream_connect_to: Option<String>,

    /// How upstreams are spoken to: https or http [default: https]
    #[arg(long, value_name = "SCHEME")]
    pub(super) upstream_scheme: Option<String>,

    /// The header that names a request's upstream [default: X-Upstream-Host]
    #[arg(long, value_name = "NAME")]
    pub(super) host_header: Option<String>,

    /// Longest wait from request sent to response header [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub(super) upstream_timeout: Option<String>,

    /// Longest connect, TLS included [default: 10s]
    #[arg(long, value_name = "DURATION")]
    pub(super) upstream_connect_timeout: Option<String>,

    /// How long an unused connection is kept [default: 90s]
    #[arg(long, value_name = "DURATION")]
    pub(super) upstream_idle_timeout: Option<String>,

    /// HTTP to upstreams: auto, http1 or http2 [default: auto]
    #[arg(long, value_name = "PROTOCOL")]
    pub(super) upstream_protocol: Option<String>,

    /// PEM certificates to trust besides the system's
    #[arg(long, value_name = "FILE")]
    pub(super) upstream_ca_cert: Option<String>,

    /// PEM certificate chain to show to upstreams
    #[arg(long, value_name = "FILE")]
    pub(super) upstream_client_cert: Option<String>,

    /// PEM private key of --upstream-client-cert
    #[arg(long, value_name = "FILE")]
    pub(super) upstream_client_key: Option<String>,

    /// X-Forwarded-For: append, keep or remove [default: append]
    #[arg(long, value_name = "ACTION")]
    pub(super) forwarded_for: Option<String>,
}

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct PolicyArgs {
    /// Upstreams to allow: host, host:port, host:*, *.domain or *
    #[arg(long, value_name = "HOST")]
    pub(super) allow_host: Vec<String>,

    /// Addresses to open although refused by default
    #[arg(long, value_name = "CIDR")]
    pub(super) allow_address: Vec<String>,

    /// Addresses to refuse besides loopback, link-local and the like
    #[arg(long, value_name = "CIDR")]
    pub(super) deny_address: Vec<String>,
}

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct TokenArgs {
    /// An audience of the token, 10 at most; from the upstream unless set
    #[arg(long, value_name = "AUDIENCE")]
    pub(super) token_audience: Vec<String>,

    /// How STS signs: RS256 or ES384 [default: RS256]
    #[arg(long, value_name = "ALGORITHM")]
    pub(super) token_signing_algorithm: Option<String>,

    /// The token's life to ask for, 60s to 1h [default: 1h]
    #[arg(long, value_name = "DURATION")]
    pub(super) token_duration: Option<String>,

    /// Renew this long before expiry, below the duration [default: 5m]
    #[arg(long, value_name = "DURATION")]
    pub(super) token_refresh_skew: Option<String>,

    /// Longest fetch, and wait for it [default: 10s]
    #[arg(long, value_name = "DURATION")]
    pub(super) token_fetch_timeout: Option<String>,

    /// Most audience sets that are held [default: 1000]
    #[arg(long, value_name = "COUNT")]
    pub(super) token_cache_capacity: Option<String>,

    /// A tag for the token's request_tags claim, 50 at most
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) token_tag: Vec<String>,

    /// URL where to mint tokens instead of the region's STS
    #[arg(long, value_name = "URL")]
    pub(super) sts_endpoint_url: Option<String>,
}

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct LogArgs {
    /// The least severe level logged: debug, info, warn, error [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(super) log_level: Option<String>,

    /// The shape of a line: json or text [default: json]
    #[arg(long, value_name = "FORMAT")]
    pub(super) log_format: Option<String>,

    /// Log one line a request at any level [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) access_log: Option<String>,
}

/// The flags for metrics and health. Other commands use them to find the metrics listener.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct MetricsArgs {
    /// Serve metrics and health [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) metrics_enabled: Option<String>,

    /// Where they are served, not on --listen-addr [default: :9090]
    #[arg(long, value_name = "ADDR")]
    pub(super) metrics_listen_addr: Option<String>,

    /// The path of the metrics, beginning with / [default: /metrics]
    #[arg(long, value_name = "PATH")]
    pub(super) metrics_path: Option<String>,
}

impl MetricsArgs {
    /// Whether `--metrics-listen-addr` is given.
    pub fn names_address(&self) -> bool {
        self.metrics_listen_addr.is_some()
    }
}

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ProcessArgs {
    /// How long to accept on after SIGTERM, not ready [default: 0s]
    #[arg(long, value_name = "DURATION")]
    pub(super) shutdown_delay: Option<String>,

    /// How long requests in flight may then take [default: 10s]
    #[arg(long, value_name = "DURATION")]
    pub(super) shutdown_timeout: Option<String>,

    /// Threads that carry requests; the CPU quota unless set
    #[arg(long, value_name = "COUNT")]
    pub(super) worker_threads: Option<String>,
}
