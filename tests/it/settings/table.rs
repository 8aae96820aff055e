//! Each flag, and the variable beside it: the value that it takes, and what then stands in the configuration.

use super::{Line, resolve, shown};
use attache::config::Config;
use attache::config::effective::Value;
use attache::config::variable_names::variable_of as variable;
use clap::CommandFactory;
use std::collections::BTreeSet;

/// Each flag with a value, and what then stands in the configuration.
const ACCEPTED: &[(&str, &str, &str)] = &[
    ("config-file", "/etc/attache.toml", r#"file: Some(ConfigFilePath { path: "/etc/attache.toml", "#),
    ("listen-addr", "127.0.0.1:81", r#"listen: One("127.0.0.1", 81), tls: None"#),
    ("max-connections", "5", "max_connections: Some(5)"),
    ("header-read-timeout", "1m30s", "header_read_timeout: 90s"),
    (
        "idle-timeout",
        "1h0m0s",
        "inbound: InboundConfig { max_connections: None, header_read_timeout: 10s, idle_timeout: 3600s",
    ),
    ("upstream-host", "API.example.com:8443", "routing: Pinned(https://api.example.com:8443)"),
    ("upstream-scheme", "http", "scheme: Http }"),
    ("host-header", "Host", r#"written: "Host""#),
    ("upstream-timeout", "500ms", "upstream: UpstreamConfig { timeout: 500ms"),
    ("upstream-connect-timeout", "2s", "connect_timeout: 2s"),
    ("upstream-idle-timeout", "45s", "connect_timeout: 10s, idle_timeout: 45s"),
    ("upstream-protocol", "http2", "protocol: Http2"),
    ("upstream-ca-cert", "/etc/ca.pem", r#"ca_cert: Some("/etc/ca.pem")"#),
    ("forwarded-for", "keep", "forwarded_for: Keep"),
    (
        "allow-host",
        "*.example.com:*",
        r#"allow_hosts: [HostPattern { name: Below(".example.com"), port: Any }]"#,
    ),
    ("allow-address", "10.0.0.0/8", "allow_addresses: [10.0.0.0/8]"),
    ("deny-address", "fd00::/8", "deny_addresses: [fd00::/8]"),
    (
        "token-audience",
        "https://a.example",
        r#"Fixed(CredentialSpec { token: TokenRequest { audiences: AudienceSet(["https://a.example"])"#,
    ),
    ("token-signing-algorithm", "es384", "algorithm: Es384"),
    ("token-duration", "0.5h", "lifetime: 1800s"),
    ("token-refresh-skew", "59m", "refresh_skew: 3540s"),
    ("token-fetch-timeout", "4s", "fetch_timeout: 4s"),
    ("token-cache-capacity", "1", "cache_capacity: 1,"),
    ("token-tag", "team=payments=eu", r#"tags: [("team", "payments=eu")]"#),
    ("sts-endpoint-url", "http://127.0.0.1:4577", r#"sts_endpoint_url: Some("http://127.0.0.1:4577")"#),
    ("log-level", "DEBUG", "level: Debug"),
    ("log-format", "Text", "format: Text"),
    ("access-log", "T", "access_log: true"),
    ("metrics-enabled", "0", "metrics: None, otel"),
    ("metrics-listen-addr", "[::1]:81", r#"metrics: Some(MetricsConfig { listen: One("::1", 81)"#),
    ("metrics-path", "/m", r#"path: "/m""#),
    ("shutdown-delay", "5s", "delay: 5s"),
    ("shutdown-timeout", "1m", "shutdown: ShutdownConfig { delay: 0ns, timeout: 60s"),
    ("worker-threads", "7", "worker_threads: 7"),
];

/// Settings whose empty variable counts as unset.
pub(crate) const MAY_BE_EMPTY: &[&str] = &[
    "config-file",
    "tls-cert",
    "tls-key",
    "tls-client-ca",
    "max-connections",
    "upstream-host",
    "upstream-connect-to",
    "upstream-ca-cert",
    "upstream-client-cert",
    "upstream-client-key",
    "allow-host",
    "allow-address",
    "deny-address",
    "token-tag",
    "sts-endpoint-url",
    "worker-threads",
];

#[test]
fn the_table_leaves_no_flag_out() {
    let command = Line::command();
    let known: BTreeSet<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    let only_together = [
        "tls-cert",
        "tls-key",
        "tls-client-ca",
        "upstream-client-cert",
        "upstream-client-key",
        "upstream-connect-to",
    ];
    assert_eq!(ACCEPTED.iter().map(|(flag, ..)| *flag).chain(only_together).collect::<BTreeSet<_>>(), known);
}

#[test]
fn an_empty_variable_counts_as_unset_where_the_default_is_none() {
    let environment: Vec<(String, &str)> = MAY_BE_EMPTY.iter().map(|flag| (variable(flag), "")).collect();
    let empty = resolve(&[], &environment).map(|config| Config { notices: Vec::new(), ..config });
    assert_eq!(shown(empty), shown(resolve(&[], &[])));
}

#[test]
fn every_flag_and_every_variable_reaches_its_own_field() {
    let default = shown(resolve(&[], &[]));
    for (flag, value, field) in ACCEPTED {
        let by_flag = shown(resolve(&[&format!("--{flag}={value}")], &[]));
        let by_variable = shown(resolve(&[], &[(variable(flag), value)]));
        assert!(by_flag.contains(field), "--{flag} {value}: {by_flag}");
        assert!(!default.contains(field), "--{flag}: the default shows {field} too");
        assert_eq!(by_flag, by_variable, "--{flag}");
    }
}

#[test]
fn the_defaults_in_the_help_are_the_defaults() {
    let default = shown(resolve(&[], &[]));
    let command = Line::command();
    let stated = command.get_arguments().filter_map(|flag| {
        let help = flag.get_help()?.to_string();
        let (value, _) = help.split_once("[default: ")?.1.split_once(']')?;
        Some((flag.get_long()?, value.to_owned()))
    });
    let stated: Vec<(&str, String)> = stated.collect();
    assert!(stated.len() > 15, "{stated:?}");
    for (flag, value) in stated {
        assert_eq!(shown(resolve(&[&format!("--{flag}={value}")], &[])), default, "--{flag} {value}");
    }
}

#[test]
fn what_is_shown_as_effective_would_give_the_same_if_it_were_typed() {
    let pair = ["--tls-cert=c.pem", "--tls-key=k.pem", "--tls-client-ca=ca.pem"].map(str::to_owned).to_vec();
    let alone = ACCEPTED.iter().map(|(flag, value, _)| vec![format!("--{flag}={value}")]);
    for typed in alone.chain([pair]) {
        let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
        let config = resolve(&typed, &[]).unwrap();
        let shown_again = config.effective().into_iter().flat_map(|(flag, value)| match value {
            Value::Unset => Vec::new(),
            Value::One(value) => vec![format!("--{flag}={value}")],
            Value::List(entries) => entries.iter().map(|entry| format!("--{flag}={entry}")).collect(),
        });
        let shown_again: Vec<String> = shown_again.collect();
        let again: Vec<&str> = shown_again.iter().map(String::as_str).collect();
        assert_eq!(shown(resolve(&again, &[])), shown(Ok(config)), "{typed:?}");
    }
}

#[test]
fn every_flag_has_its_effective_value_in_the_order_of_the_help() {
    let command = Line::command();
    let flags: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    let effective = resolve(&[], &[]).unwrap().effective();
    assert_eq!(effective.iter().map(|(flag, _)| *flag).collect::<Vec<_>>(), flags);
}
