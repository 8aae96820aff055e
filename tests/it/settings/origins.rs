//! Where a value comes from: a flag, its variable, a variable of another program, or the machine.

use super::{resolve, shown, shown_notices};
use attache::config::Config;
use attache::config::logs::LogFormat;
use attache::config::problems::ConfigError;
use attache::config::route::Routing;

#[test]
fn a_flag_wins_over_its_variable_even_over_a_bad_one() {
    let config = resolve(&["--token-duration", "10m"], &[("TOKEN_DURATION".into(), "never")]).unwrap();
    assert_eq!(config.route().credential.template().lifetime.as_secs(), 600);
    let config = resolve(&["--token-audience", "a"], &[("TOKEN_AUDIENCE".into(), "b,c")]).unwrap();
    assert_eq!(config.route().known_credential().unwrap().audiences().to_string(), "a");
    let config = resolve(&["--metrics-enabled"], &[("METRICS_ENABLED".into(), "false")]).unwrap();
    assert!(config.metrics.is_some());
}

#[test]
fn arguments_with_an_unknown_flag_are_a_usage_error() {
    assert!(matches!(Config::from_args(["--no-such-flag"]), Err(ConfigError::Usage(_))));
    assert!(matches!(Config::from_args(["--listen-addr"]), Err(ConfigError::Usage(_))));
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
        config.route().upstream.parent_proxy.as_ref().map(ToString::to_string)
    };
    assert_eq!(parent_proxy(&[]).unwrap(), "http://secure.example:3128");
    assert_eq!(parent_proxy(&["--upstream-scheme", "http"]).unwrap(), "http://plain.example:80");
    assert!(parent_proxy(&["--upstream-host", "api.example.com"]).is_some());
    for host in ["10.1.2.3", "api.internal.example", "localhost:8443", "127.0.0.1"] {
        assert_eq!(parent_proxy(&["--upstream-host", host]), None, "{host}");
    }
    assert!(
        Config::from_args([""; 0]).unwrap().route().upstream.parent_proxy.is_none(),
        "the demo reads no environment"
    );
}

#[test]
fn an_empty_upstream_is_unset_and_told() {
    let config = resolve(&[], &[("UPSTREAM_HOST".into(), "")]).unwrap();
    assert!(matches!(config.route().routing, Routing::ByHeader { .. }));
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
    assert!(matches!(config.route().routing, Routing::Pinned(_)), "{:?}", config.route().routing);
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
fn worker_threads_come_from_the_cpu_quota() {
    let quota = std::thread::available_parallelism().unwrap();
    assert_eq!(resolve(&[], &[]).unwrap().worker_threads, quota);
}
