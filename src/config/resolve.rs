//! Resolves all settings. Every setting is read even when an earlier one is invalid.

use super::args::{Args, ListeningArgs, LogArgs, MetricsArgs, PolicyArgs, ProcessArgs};
use super::environment::Environment;
use super::generation::Generation;
use super::listener::{ListenAddr, ListenerConfig, TlsFiles};
use super::logs::LogConfig;
use super::otel::otel;
use super::problems::{ConfigError, Fault, Problems};
use super::reader::{EmptyList, Found, Reader, values};
use super::resolve_tokens::{credential, tokens};
use super::resolve_upstream::{destinations, parent_proxies, upstream};
use super::route::{DEFAULT, RouteConfig};
use super::{Config, ConfigFilePath, InboundConfig, MetricsConfig, ShutdownConfig, address, network, parse};
use crate::model::policy::Policy;
use crate::model::route_match::RouteMatch;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

// These limits prevent a large allocation because of a typing error.
const MAX_CONNECTIONS: usize = 1_000_000;
const MAX_THREADS: usize = 1_024;

impl Config {
    /// Resolves flags, and variables where a flag is not given. The result depends on nothing else, except for the default of
    /// `--worker-threads`, which comes from the system, and for a notice about sockets of another process.
    ///
    /// # Errors
    /// When a setting is invalid. The error has all problems.
    pub fn resolve(args: &Args, environment: &Environment) -> Result<Self, Problems> {
        let mut reader = Reader::new(environment);
        let config = read(&mut reader, args);
        reader.strays();
        reader.sockets();
        let (problems, notices) = reader.into_findings();
        match config {
            Some(config) if problems.is_empty() => Ok(Self { notices, ..config }),
            Some(_) | None => Err(problems),
        }
    }

    /// The configuration file that flags or variables name, also where other settings are invalid.
    pub fn file(args: &Args, environment: &Environment) -> Option<PathBuf> {
        Reader::new(environment).config_file(args.file.config_file.as_deref())
    }

    /// Resolves flags, given without the program's name, and no variables.
    ///
    /// # Errors
    /// When a flag is unknown or lacks its value, or a setting is invalid. The error has all problems.
    pub fn from_args<T>(arguments: impl IntoIterator<Item = T>) -> Result<Self, ConfigError>
    where
        T: Into<OsString> + Clone,
    {
        Ok(Self::resolve(&Args::from_words(arguments)?, &Environment::default())?)
    }
}

impl MetricsConfig {
    /// Resolves the settings of metrics only; returns `None` if metrics are disabled.
    ///
    /// # Errors
    /// When one of these settings is invalid. The error has all problems.
    pub fn resolve(args: &MetricsArgs, environment: &Environment) -> Result<Option<Self>, Problems> {
        let mut reader = Reader::new(environment);
        metrics(&mut reader, args, None).ok_or_else(|| reader.into_findings().0)
    }
}

/// Reads all settings. Returns `None` if the reader has recorded a problem.
fn read(reader: &mut Reader<'_>, args: &Args) -> Option<Config> {
    let file = reader.config_file(args.file.config_file.as_deref());
    let listen = reader.value("listen-addr", args.listening.listen_addr.as_deref(), ":8080", address::parse);
    let tls = inbound_tls(reader, &args.listening);
    let inbound = inbound(reader, &args.listening);
    let destinations = destinations(reader, &args.upstream);
    let upstream = upstream(reader, &args.upstream, destinations.as_ref());
    let policy = policy(reader, &args.policy);
    let credential = credential(reader, &args.tokens);
    let tokens = tokens(reader, &args.tokens);
    let log = log(reader, &args.logs);
    let metrics = metrics(reader, &args.metrics, listen.as_ref().filter(|_| file.is_none()));
    let shutdown = shutdown(reader, &args.process);
    let worker_threads = worker_threads(reader, &args.process);
    let otel = otel(reader);
    let file = file.map(|path| ConfigFilePath {
        path,
        parent_proxies: parent_proxies(reader),
        generation: Generation::default(),
    });
    let route = RouteConfig {
        name: DEFAULT.to_owned(),
        matches: RouteMatch::default(),
        routing: destinations?.0,
        policy,
        credential: credential?,
        upstream: upstream?,
    };
    Some(Config {
        file,
        listeners: vec![ListenerConfig { name: DEFAULT.to_owned(), listen: listen?.value, tls }],
        inbound: inbound?,
        routes: vec![route],
        tokens: tokens?,
        log: log?,
        metrics: metrics?,
        otel,
        shutdown: shutdown?,
        proxy_variables: reader.proxy_variables(),
        notices: Vec::new(),
        worker_threads,
    })
}

fn inbound_tls(reader: &mut Reader<'_>, args: &ListeningArgs) -> Option<TlsFiles> {
    let problems = reader.problem_count();
    let cert = reader.optional("tls-cert", args.tls_cert.as_deref(), parse::file);
    let key = reader.optional("tls-key", args.tls_key.as_deref(), parse::file);
    let client_ca = reader.optional("tls-client-ca", args.tls_client_ca.as_deref(), parse::file);
    let alone = |other: &str| Fault::new(format!("must be given together with {other}"));
    let lonely = match (&cert, &key) {
        (Some(_), Some(_)) => None,
        (Some(cert), None) => Some((&cert.origin, "--tls-key (TLS_KEY)")),
        (None, Some(key)) => Some((&key.origin, "--tls-cert (TLS_CERT)")),
        (None, None) => client_ca.as_ref().map(|ca| (&ca.origin, "--tls-cert and --tls-key")),
    };
    // A setting with an invalid value counts as given.
    if let Some((origin, other)) = lonely
        && reader.problem_count() == problems
    {
        reader.refuse(origin, alone(other));
    }
    Some(TlsFiles { cert: cert?.value, key: key?.value, client_ca: client_ca.map(|found| found.value) })
}

fn inbound(reader: &mut Reader<'_>, args: &ListeningArgs) -> Option<InboundConfig> {
    let max_connections = reader.optional("max-connections", args.max_connections.as_deref(), |text| {
        if text == "0" { Ok(None) } else { parse::count(text, MAX_CONNECTIONS).map(Some) }
    });
    let header_read_timeout =
        reader.timeout("header-read-timeout", args.header_read_timeout.as_deref(), "10s");
    let idle_timeout = reader.timeout("idle-timeout", args.idle_timeout.as_deref(), "3m");
    Some(InboundConfig {
        max_connections: max_connections.and_then(|found| found.value),
        header_read_timeout: header_read_timeout?,
        idle_timeout: idle_timeout?,
    })
}

fn policy(reader: &mut Reader<'_>, args: &PolicyArgs) -> Policy {
    let unset = EmptyList::CountsAsUnset;
    Policy {
        allow_hosts: values(reader.list("allow-host", &args.allow_host, unset, network::host_pattern)),
        allow_addresses: values(reader.list(
            "allow-address",
            &args.allow_address,
            unset,
            network::address_range,
        )),
        deny_addresses: values(reader.list(
            "deny-address",
            &args.deny_address,
            unset,
            network::address_range,
        )),
    }
}

fn log(reader: &mut Reader<'_>, args: &LogArgs) -> Option<LogConfig> {
    let (level, format) = (args.log_level.as_deref(), args.log_format.as_deref());
    let level = reader.shared_value("log-level", level, "info", parse::log_level, parse::foreign_log_level);
    let format =
        reader.shared_value("log-format", format, "json", parse::log_format, parse::foreign_log_format);
    let access_log = reader.value("access-log", args.access_log.as_deref(), "false", parse::boolean);
    Some(LogConfig { level: level?, format: format?, access_log: access_log?.value })
}

/// Returns `Some(None)` if metrics are disabled. Address and path are not parsed then.
fn metrics(
    reader: &mut Reader<'_>,
    args: &MetricsArgs,
    proxy: Option<&Found<ListenAddr>>,
) -> Option<Option<MetricsConfig>> {
    let enabled = reader.value("metrics-enabled", args.metrics_enabled.as_deref(), "true", parse::boolean)?;
    if !enabled.value {
        return Some(None);
    }
    let listen =
        reader.value("metrics-listen-addr", args.metrics_listen_addr.as_deref(), ":9090", address::parse);
    let path = reader.value("metrics-path", args.metrics_path.as_deref(), "/metrics", network::metrics_path);
    let (listen, path) = (listen?, path?);
    if let Some(proxy) = proxy
        && address::overlap(&proxy.value, &listen.value)
    {
        let rule = format!("must differ from --listen-addr, which is {}", proxy.origin.value());
        reader.refuse(&listen.origin, Fault::new(rule));
    }
    Some(Some(MetricsConfig { listen: listen.value, path: path.value }))
}

fn shutdown(reader: &mut Reader<'_>, args: &ProcessArgs) -> Option<ShutdownConfig> {
    let delay = reader.value("shutdown-delay", args.shutdown_delay.as_deref(), "0s", parse::duration);
    let limit = reader.timeout("shutdown-timeout", args.shutdown_timeout.as_deref(), "10s");
    Some(ShutdownConfig { delay: delay?.value, timeout: limit? })
}

fn worker_threads(reader: &mut Reader<'_>, args: &ProcessArgs) -> NonZeroUsize {
    let count = |text: &str| parse::count(text, MAX_THREADS);
    match reader.optional("worker-threads", args.worker_threads.as_deref(), count) {
        Some(found) => found.value,
        // The system's number respects the CPU quota of the control group.
        None => std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
    }
}
