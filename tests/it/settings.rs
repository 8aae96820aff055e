//! What the operator gets right, and what it then means.

use attache::config::args::Args;
use attache::config::effective::Value;
use attache::config::environment::Environment;
use attache::config::logs::LogFormat;
use attache::config::problems::{ConfigError, Problems};
use attache::config::variable_names::variable_of as variable;
use attache::config::{Config, Routing};
use clap::{CommandFactory, Parser};
use std::collections::BTreeSet;

/// Each flag with a value, and what then stands in the configuration.
const ACCEPTED: &[(&str, &str, &str)] = &[
    ("listen-addr", "127.0.0.1:81", r#"listen: One("127.0.0.1", 81), inbound_tls"#),
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
    ("token-audience", "https://a.example", r#"audiences: Some(AudienceSet(["https://a.example"]))"#),
    ("token-signing-algorithm", "es384", "algorithm: Es384"),
    ("token-duration", "0.5h", "duration: 1800s"),
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
const MAY_BE_EMPTY: &[&str] = &[
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

#[test]
fn a_flag_wins_over_its_variable_even_over_a_bad_one() {
    let config = resolve(&["--token-duration", "10m"], &[("TOKEN_DURATION".into(), "never")]).unwrap();
    assert_eq!(config.tokens.duration.as_secs(), 600);
    let config = resolve(&["--token-audience", "a"], &[("TOKEN_AUDIENCE".into(), "b,c")]).unwrap();
    assert_eq!(config.tokens.audiences.unwrap().to_string(), "a");
    let config = resolve(&["--metrics-enabled"], &[("METRICS_ENABLED".into(), "false")]).unwrap();
    assert!(config.metrics.is_some());
}

#[test]
fn arguments_with_an_unknown_flag_are_a_usage_error() {
    assert!(matches!(Config::from_args(["--no-such-flag"]), Err(ConfigError::Usage(_))));
    assert!(matches!(Config::from_args(["--listen-addr"]), Err(ConfigError::Usage(_))));
}

#[test]
fn an_audience_flag_is_one_audience_and_the_variable_is_a_list() {
    let audiences = |arguments: &[&str], environment: &[(String, &str)]| {
        let set = resolve(arguments, environment).unwrap().tokens.audiences.unwrap();
        set.iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(audiences(&["--token-audience", "a,b"], &[]), ["a,b"]);
    assert_eq!(audiences(&["--token-audience", "b", "--token-audience=a"], &[]), ["a", "b"]);
    assert_eq!(audiences(&[], &[("TOKEN_AUDIENCE".into(), "b, a,b")]), ["a", "b"]);
}

#[test]
fn an_empty_entry_of_a_list_is_refused() {
    for text in ["a,", ",a", "a,,b"] {
        let report = resolve(&[], &[("TOKEN_AUDIENCE".into(), text)]).unwrap_err().to_string();
        assert!(
            report.contains("TOKEN_AUDIENCE (--token-audience) is empty, must name an audience"),
            "{report}"
        );
    }
    let report = resolve(&[], &[("ATTACHE_DENY_ADDRESS".into(), "10.0.0.0/8,")]).unwrap_err().to_string();
    assert!(report.contains("ATTACHE_DENY_ADDRESS (--deny-address) is empty, must be a range"), "{report}");
}

#[test]
fn more_audiences_or_tags_than_sts_takes_are_refused() {
    let many = |count: usize| (0..count).map(|n| format!("n{n}=v")).collect::<Vec<_>>().join(",");
    let report = resolve(&[], &[("TOKEN_AUDIENCE".into(), &many(11))]).unwrap_err().to_string();
    assert!(
        report.contains("TOKEN_AUDIENCE (--token-audience) is 11 audiences, must be at most 10"),
        "{report}"
    );
    let report = resolve(&[], &[("ATTACHE_TOKEN_TAG".into(), &many(51))]).unwrap_err().to_string();
    assert!(report.contains("ATTACHE_TOKEN_TAG (--token-tag) is 51 tags, must be at most 50"), "{report}");
    assert_eq!(resolve(&[], &[("ATTACHE_TOKEN_TAG".into(), &many(50))]).unwrap().tokens.tags.len(), 50);
}

#[test]
fn a_tag_whose_key_was_given_before_is_refused() {
    let report = resolve(&["--token-tag", "a=1", "--token-tag", "a=2"], &[]).unwrap_err().to_string();
    assert!(
        report.contains(r#"--token-tag (ATTACHE_TOKEN_TAG) is "a=2", must not repeat a key"#),
        "{report}"
    );
}

#[test]
fn a_certificate_needs_its_key() {
    let config = resolve(&["--tls-cert", "c.pem"], &[("TLS_KEY".into(), "k.pem")]).unwrap();
    let files = config.inbound_tls.unwrap();
    assert_eq!((files.cert.to_str(), files.key.to_str()), (Some("c.pem"), Some("k.pem")));
    let report = resolve(&["--tls-cert", "c.pem"], &[("TLS_KEY".into(), "")]).unwrap_err().to_string();
    assert!(report.contains("must be given together with --tls-key (TLS_KEY)"), "{report}");
}

#[test]
fn a_certificate_for_upstreams_needs_its_key() {
    let flags = ["--upstream-client-cert", "c.pem"];
    let config = resolve(&flags, &[("ATTACHE_UPSTREAM_CLIENT_KEY".into(), "k.pem")]).unwrap();
    let pair = config.upstream.tls.client.unwrap();
    assert_eq!((pair.cert.to_str(), pair.key.to_str()), (Some("c.pem"), Some("k.pem")));
    let report = resolve(&flags, &[]).unwrap_err().to_string();
    assert!(
        report.contains("must be given together with --upstream-client-key (ATTACHE_UPSTREAM_CLIENT_KEY)"),
        "{report}"
    );
    let report = resolve(&["--upstream-client-key", "k.pem"], &[]).unwrap_err().to_string();
    assert!(
        report.contains("must be given together with --upstream-client-cert (ATTACHE_UPSTREAM_CLIENT_CERT)"),
        "{report}"
    );
}

#[test]
fn another_place_to_connect_to_needs_an_upstream_and_has_its_port_unless_it_names_one() {
    for (host, place, expected) in [
        ("api.example.com", "VPCE.example.com", "vpce.example.com:443"),
        ("api.example.com:8443", "vpce.example.com", "vpce.example.com:8443"),
        ("api.example.com:8443", "vpce.example.com.:443", "vpce.example.com.:443"),
        ("api.example.com", "[::1]:8443", "[::1]:8443"),
    ] {
        let flags = ["--upstream-host", host, "--upstream-connect-to", place];
        let effective = resolve(&flags, &[]).unwrap().effective();
        let (_, value) = effective.iter().find(|(flag, _)| *flag == "upstream-connect-to").unwrap();
        assert_eq!(value, &Value::One(expected.to_owned()));
    }
    let alone = resolve(&["--upstream-connect-to", "vpce.example.com"], &[]).unwrap_err().to_string();
    let expected = "1 setting needs attention\n  --upstream-connect-to (ATTACHE_UPSTREAM_CONNECT_TO) is \
                    vpce.example.com, must be given together with --upstream-host (UPSTREAM_HOST)";
    assert_eq!(alone, expected);
    let flags = ["--upstream-connect-to", "vpce.example.com", "--upstream-host", "a b"];
    let report = resolve(&flags, &[]).unwrap_err().to_string();
    assert!(
        report.starts_with("1 setting") && report.contains("--upstream-host (UPSTREAM_HOST) is"),
        "{report}"
    );
}

#[test]
fn a_proxy_is_taken_from_the_variable_of_the_scheme_unless_nothing_needs_it() {
    let environment = [
        ("HTTPS_PROXY".to_owned(), "http://secure.example:3128"),
        ("http_proxy".to_owned(), "plain.example"),
        ("NO_PROXY".to_owned(), "10.0.0.0/8,.internal.example"),
    ];
    let parent_proxy = |flags: &[&str]| {
        let config = resolve(flags, &environment).unwrap();
        config.upstream.parent_proxy.map(|parent_proxy| parent_proxy.to_string())
    };
    assert_eq!(parent_proxy(&[]).unwrap(), "http://secure.example:3128");
    assert_eq!(parent_proxy(&["--upstream-scheme", "http"]).unwrap(), "http://plain.example:80");
    assert!(parent_proxy(&["--upstream-host", "api.example.com"]).is_some());
    for host in ["10.1.2.3", "api.internal.example", "localhost:8443", "127.0.0.1"] {
        assert_eq!(parent_proxy(&["--upstream-host", host]), None, "{host}");
    }
    assert!(
        Config::from_args([""; 0]).unwrap().upstream.parent_proxy.is_none(),
        "the demo reads no environment"
    );
}

#[test]
fn asking_callers_for_certificates_needs_one_to_show_them() {
    let pair = ["--tls-cert", "c.pem", "--tls-key", "k.pem"];
    assert_eq!(resolve(&pair, &[]).unwrap().inbound_tls.unwrap().client_ca, None);
    let config = resolve(&pair, &[("ATTACHE_TLS_CLIENT_CA".into(), "ca.pem")]).unwrap();
    assert_eq!(config.inbound_tls.unwrap().client_ca.unwrap().to_str(), Some("ca.pem"));
    let report = resolve(&["--tls-client-ca", "ca.pem"], &[]).unwrap_err().to_string();
    let expected = "1 setting needs attention\n  --tls-client-ca (ATTACHE_TLS_CLIENT_CA) is ca.pem, \
        must be given together with --tls-cert and --tls-key";
    assert_eq!(report, expected);
}

#[test]
fn listeners_may_be_sockets_but_not_the_same_one() {
    let flags = ["--listen-addr", "unix:/run/a.sock", "--metrics-listen-addr", "unix:/run/b.sock"];
    let config = resolve(&flags, &[]).unwrap();
    assert_eq!(config.listen.to_string(), "unix:/run/a.sock");
    assert_eq!(config.metrics.unwrap().listen.to_string(), "unix:/run/b.sock");
    let twice = ["--listen-addr", "unix:/run/a.sock", "--metrics-listen-addr", "unix:/run/a.sock"];
    let report = resolve(&twice, &[]).unwrap_err().to_string();
    assert!(report.contains("must differ from --listen-addr"), "{report}");
}

#[test]
fn a_skew_that_is_only_the_default_is_called_so() {
    let report = resolve(&["--token-duration", "300s"], &[]).unwrap_err().to_string();
    let expected = "1 setting needs attention\n  --token-refresh-skew (TOKEN_REFRESH_SKEW) is 5m by default, \
        must be below --token-duration, which is 5m";
    assert_eq!(report, expected);
}

#[test]
fn metrics_may_share_an_address_only_when_they_are_off_or_the_port_is_free() {
    assert!(resolve(&["--metrics-listen-addr", "0.0.0.0:8080"], &[]).is_err());
    assert!(resolve(&["--metrics-listen-addr", ":8080", "--metrics-enabled=false"], &[]).is_ok());
    assert!(resolve(&["--metrics-listen-addr", ":0", "--listen-addr", ":0"], &[]).is_ok());
    assert!(resolve(&["--metrics-listen-addr", "127.0.0.1:1", "--listen-addr", "127.0.0.2:1"], &[]).is_ok());
}

#[test]
fn settings_of_what_is_off_are_not_judged() {
    let off = ["--metrics-enabled=f", "--metrics-path=x", "--metrics-listen-addr=y"];
    assert!(resolve(&off, &[]).unwrap().metrics.is_none());
    let pinned = resolve(&["--upstream-host=a.example"], &[("HOST_HEADER".into(), "a b")]);
    assert!(matches!(pinned.unwrap().routing, Routing::Pinned(_)));
}

#[test]
fn names_beyond_ascii_are_those_that_dns_knows() {
    let flags = ["--upstream-host", "B\u{fc}cher.example:8443"];
    assert!(shown(resolve(&flags, &[])).contains("Pinned(https://xn--bcher-kva.example:8443)"));
    let rules = ["--allow-host", "*.b\u{fc}cher.example", "--allow-host", "\u{4f8b}\u{3048}.jp:*"];
    let rules = resolve(&rules, &[]).unwrap().policy.allow_hosts;
    let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
    assert_eq!(rules, ["*.xn--bcher-kva.example", "xn--r8jz45g.jp:*"]);
    assert!(resolve(&["--upstream-host", "b\u{fc}cher.example/v1"], &[]).is_err());
    assert!(resolve(&["--upstream-host", "b\u{fc}\u{301}cher..example"], &[]).is_err());
}

#[test]
fn an_empty_upstream_is_unset_and_told() {
    let config = resolve(&[], &[("UPSTREAM_HOST".into(), "")]).unwrap();
    assert!(matches!(config.routing, Routing::ByHeader { .. }));
    let notices: Vec<String> = config.notices.iter().map(ToString::to_string).collect();
    let expected = "UPSTREAM_HOST is not used: it is empty, so each request names its own upstream";
    assert_eq!(notices, [expected]);
    let typed = resolve(&["--upstream-host=a.example"], &[("UPSTREAM_HOST".into(), "")]).unwrap();
    assert_eq!(typed.notices, []);
}

/// As Go's program takes it, and as a manifest writes it whose value is left empty: `--tls-cert=$(CERT)`.
#[test]
fn an_empty_flag_counts_as_unset_where_the_default_is_none_whatever_its_variable_says() {
    let variables =
        [("TLS_CERT".into(), "/a.crt"), ("TLS_KEY".into(), "/a.key"), ("UPSTREAM_HOST".into(), "a.example")];
    let config =
        resolve(&["--tls-cert=", "--tls-key=", "--upstream-host=", "--max-connections="], &variables)
            .unwrap();
    let expected = "--upstream-host is not used: it is empty, so each request names its own upstream";
    assert_eq!(shown_notices(config), expected);
    let plain = resolve(&[], &[]).map(|config| Config { notices: Vec::new(), ..config });
    let empty = resolve(&["--tls-cert=", "--tls-key=", "--upstream-host="], &variables);
    assert_eq!(shown(empty.map(|config| Config { notices: Vec::new(), ..config })), shown(plain));
}

#[test]
fn an_empty_variable_with_the_prefix_does_not_hide_the_bare_one() {
    let both = |name: &str, value| [(format!("ATTACHE_{name}"), ""), (name.to_owned(), value)];
    let config = resolve(&[], &both("UPSTREAM_HOST", "a.example")).unwrap();
    assert!(matches!(config.routing, Routing::Pinned(_)), "{:?}", config.routing);
    let refused = resolve(&[], &both("TLS_CERT", "/a.crt")).unwrap_err().to_string();
    assert!(refused.contains("TLS_CERT") && refused.contains("--tls-key"), "{refused}");
}

#[test]
fn log_settings_of_other_programs_are_understood_or_left_out() {
    let set = |name: &str, value| resolve(&[], &[(name.into(), value)]);
    for (level, understood) in
        [("trace", "debug"), ("WARNING", "warn"), ("Information", "info"), ("critical", "error")]
    {
        let config = set("LOG_LEVEL", level).unwrap();
        assert_eq!((config.log.level.as_str(), config.notices.len()), (understood, 0), "{level}");
    }
    assert_eq!(set("LOG_FORMAT", "logfmt").unwrap().log.format, LogFormat::Text);
    for (name, value, reason) in [
        ("LOG_LEVEL", "10", "its value is 10, and must be debug, info, warn or error"),
        ("LOG_LEVEL", "info\r", "the value ends in a carriage return"),
        ("LOG_FORMAT", "%h %l", "its value is \"%h %l\", and must be json or text"),
    ] {
        let config = set(name, value).unwrap();
        assert_eq!((config.log.level.as_str(), config.log.format), ("info", LogFormat::Json));
        assert!(config.notices[0].to_string().contains(reason), "{:?}", config.notices);
    }
    for name in ["ATTACHE_LOG_LEVEL", "ATTACHE_LOG_FORMAT"] {
        assert!(set(name, "trace").is_err(), "{name} is attache's own");
    }
    assert!(set("LOG_LEVEL", "").is_err());
}

#[test]
fn what_surrounds_a_value_is_told_where_it_is_refused() {
    for (name, value, remark) in [
        ("UPSTREAM_HOST", "\"api.example.com\"", "quotes around it"),
        ("LISTEN_ADDR", "'127.0.0.1:8080'", "quotes around it"),
        ("TLS_CERT", "\"/tls.crt\"", "quotes around it"),
        ("ATTACHE_ALLOW_HOST", "'a.example'", "quotes around it"),
        ("ATTACHE_UPSTREAM_CA_CERT", "/ca.crt\r", "carriage return"),
        ("TOKEN_DURATION", "10m\n", "line break"),
        ("METRICS_ENABLED", "true ", "a blank"),
    ] {
        let report = resolve(&[], &[(name.into(), value)]).unwrap_err().to_string();
        assert!(report.contains(&format!("{name} (--")) && report.contains(remark), "{report}");
    }
}

#[test]
fn the_content_of_a_file_in_place_of_its_path_is_not_shown() {
    let key = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n";
    for (flag, other) in [("tls-key", "tls-cert"), ("upstream-client-key", "upstream-client-cert")] {
        let report =
            resolve(&[&format!("--{other}=c.pem")], &[(variable(flag), key)]).unwrap_err().to_string();
        let expected = format!(
            "1 setting needs attention\n  {} (--{flag}) is the content of a file, which is not shown, \
             must be the path of a file\n    hint: this is the key or certificate itself: give the path of its file",
            variable(flag)
        );
        assert_eq!(report, expected);
    }
    let command = Line::command();
    for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
        let report = resolve(&[], &[(variable(flag), key)])
            .map_or_else(|problems| problems.to_string(), shown_notices);
        assert!(!report.contains("hunter2"), "{flag}: {report}");
        let url = "https://me:hunter2@a.example/?hunter2";
        let report = resolve(&[], &[(variable(flag), url)])
            .map_or_else(|problems| problems.to_string(), shown_notices);
        assert!(!report.contains("hunter2"), "{flag}: {report}");
    }
}

#[test]
fn worker_threads_come_from_the_cpu_quota() {
    let quota = std::thread::available_parallelism().unwrap();
    assert_eq!(resolve(&[], &[]).unwrap().worker_threads, quota);
}

fn shown_notices(config: Config) -> String {
    config.notices.iter().map(ToString::to_string).collect()
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    settings: Args,
}

fn resolve(arguments: &[&str], environment: &[(String, &str)]) -> Result<Config, Problems> {
    let line = Line::try_parse_from(["attache"].iter().chain(arguments)).unwrap();
    let environment: Environment = environment.iter().map(|(name, value)| (name, value)).collect();
    Config::resolve(&line.settings, &environment)
}

fn shown(config: Result<Config, Problems>) -> String {
    format!("{:?}", config.unwrap())
}
