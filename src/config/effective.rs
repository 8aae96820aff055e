//! The effective value of each setting, in the syntax of its flag.

use super::duration::Shown;
use super::file_keys;
use super::logs::{LogFormat, LogLevel};
use super::route::{CredentialRule, Routing};
use super::{Config, MetricsConfig};
use crate::model::target::Target;
use crate::redact;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Display;
use std::path::Path;

/// A flag without its dashes, and its value.
pub type Effective = (&'static str, Value);

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// The setting is unset, or has no effect beside the other settings.
    Unset,
    /// One value.
    One(String),
    /// The entries of a list, one at least.
    List(Vec<String>),
}

impl Value {
    fn one(value: impl Display) -> Self {
        Self::One(redact::without_secrets(&value.to_string()).into_owned())
    }

    fn optional(value: Option<impl Display>) -> Self {
        value.map_or(Self::Unset, Self::one)
    }

    fn path(value: Option<&Path>) -> Self {
        Self::optional(value.map(Path::display))
    }

    fn list(entries: impl IntoIterator<Item = impl Display>) -> Self {
        let entries: Vec<String> = entries
            .into_iter()
            .map(|entry| redact::without_secrets(&entry.to_string()).into_owned())
            .collect();
        if entries.is_empty() { Self::Unset } else { Self::List(entries) }
    }
}

impl Config {
    /// All settings in the order of the help. None is a secret: keys and credentials are in files and in variables of other
    /// programs, and a secret in the wrong place is omitted.
    pub fn effective(&self) -> Vec<Effective> {
        let settings = [
            listening(self),
            upstream(self),
            policy(self),
            tokens(self),
            logs(self),
            metrics(self.metrics.as_ref()),
            process(self),
        ]
        .concat();
        let is_replaced = |flag: &str| self.file.is_some() && file_keys::replaces(flag);
        let value = |(flag, value)| (flag, if is_replaced(flag) { Value::Unset } else { value });
        settings.into_iter().map(value).collect()
    }
}

fn listening(config: &Config) -> Vec<Effective> {
    let (listener, inbound) = (config.listener(), &config.inbound);
    let tls = listener.tls.as_ref();
    vec![
        ("config-file", Value::path(config.file.as_ref().map(|file| file.path.as_path()))),
        ("listen-addr", Value::one(&listener.listen)),
        ("tls-cert", Value::path(tls.map(|files| files.cert.as_path()))),
        ("tls-key", Value::path(tls.map(|files| files.key.as_path()))),
        ("tls-client-ca", Value::path(tls.and_then(|files| files.client_ca.as_deref()))),
        ("max-connections", Value::optional(inbound.max_connections)),
        ("header-read-timeout", Value::one(Shown(inbound.header_read_timeout))),
        ("idle-timeout", Value::one(Shown(inbound.idle_timeout))),
    ]
}

fn upstream(config: &Config) -> Vec<Effective> {
    let (routing, upstream) = (&config.route().routing, &config.route().upstream);
    let (host, header) = match routing {
        Routing::Pinned(target) => {
            let port = target.explicit_port().map(|port| format!(":{port}")).unwrap_or_default();
            (Value::one(format!("{}{port}", name(target))), Value::Unset)
        }
        Routing::ByHeader { header, .. } => (Value::Unset, Value::one(header)),
    };
    // Without a port, the value would mean the upstream's port.
    let connect_to = upstream.connect_to.as_ref().map(|target| format!("{}:{}", name(target), target.port()));
    let client = upstream.tls.client.as_ref();
    vec![
        ("upstream-host", host),
        ("upstream-connect-to", Value::optional(connect_to)),
        ("upstream-scheme", Value::one(routing.scheme().as_str())),
        ("host-header", header),
        ("upstream-timeout", Value::one(Shown(upstream.timeout))),
        ("upstream-connect-timeout", Value::one(Shown(upstream.connect_timeout))),
        ("upstream-idle-timeout", Value::one(Shown(upstream.idle_timeout))),
        ("upstream-protocol", Value::one(upstream.protocol.as_str())),
        ("upstream-ca-cert", Value::path(upstream.tls.ca_cert.as_deref())),
        ("upstream-client-cert", Value::path(client.map(|pair| pair.cert.as_path()))),
        ("upstream-client-key", Value::path(client.map(|pair| pair.key.as_path()))),
        ("forwarded-for", Value::one(upstream.forwarded_for.as_str())),
    ]
}

/// The host as it was given, with the final dot.
fn name(target: &Target) -> String {
    let dot = if target.is_absolute() { "." } else { "" };
    format!("{}{dot}", target.host())
}

fn policy(config: &Config) -> Vec<Effective> {
    let policy = &config.route().policy;
    vec![
        ("allow-host", Value::list(&policy.allow_hosts)),
        ("allow-address", Value::list(&policy.allow_addresses)),
        ("deny-address", Value::list(&policy.deny_addresses)),
    ]
}

fn tokens(config: &Config) -> Vec<Effective> {
    let (tokens, credential) = (&config.tokens, &config.route().credential);
    let audiences = match credential {
        CredentialRule::Fixed(spec) => Value::List(spec.audiences().shown().map(Cow::into_owned).collect()),
        CredentialRule::OfTarget(_) => Value::Unset,
    };
    let template = credential.template();
    vec![
        ("token-audience", audiences),
        ("token-signing-algorithm", Value::one(template.algorithm.as_str())),
        ("token-duration", Value::one(Shown(template.lifetime))),
        ("token-refresh-skew", Value::one(Shown(template.refresh_skew))),
        ("token-fetch-timeout", Value::one(Shown(tokens.fetch_timeout))),
        ("token-cache-capacity", Value::one(tokens.cache_capacity)),
        ("token-tag", Value::list(template.tags.iter().map(|(key, value)| format!("{key}={value}")))),
        ("sts-endpoint-url", Value::optional(tokens.sts_endpoint_url.as_ref())),
    ]
}

fn logs(config: &Config) -> Vec<Effective> {
    let level = match config.log.level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    let format = match config.log.format {
        LogFormat::Json => "json",
        LogFormat::Text => "text",
    };
    vec![
        ("log-level", Value::one(level)),
        ("log-format", Value::one(format)),
        ("access-log", Value::one(config.log.access_log)),
    ]
}

fn metrics(config: Option<&MetricsConfig>) -> Vec<Effective> {
    vec![
        ("metrics-enabled", Value::one(config.is_some())),
        ("metrics-listen-addr", Value::optional(config.map(|metrics| &metrics.listen))),
        ("metrics-path", Value::optional(config.map(|metrics| &metrics.path))),
    ]
}

fn process(config: &Config) -> Vec<Effective> {
    vec![
        ("shutdown-delay", Value::one(Shown(config.shutdown.delay))),
        ("shutdown-timeout", Value::one(Shown(config.shutdown.timeout))),
        ("worker-threads", Value::one(config.worker_threads)),
    ]
}
