//! What the operator gets wrong, and how the program says so: each flag and each variable of the real binary.

use crate::settings::table::MAY_BE_EMPTY;
use attache::config::Config;
use attache::config::args::Args;
use attache::config::variable_names::variable_of as variable;
use clap::Args as _;
use std::collections::BTreeSet;
use std::process::{Command, Output};

/// Each flag with values that it must refuse. A comma would make two entries of a list's variable, so there is none.
const REFUSED: &[(&str, &[&str])] = &[
    ("config-file", &["https://a.example/attache.toml", "/etc/attache/attache.toml "]),
    ("listen-addr", &["8080", "localhost", ":65536", ":http", "::1:80", "http://localhost:80", "unix:"]),
    ("tls-cert", &["/etc/attache/tls.crt", "/etc/attache/tls.crt "]),
    ("tls-key", &["/etc/attache/tls.key"]),
    ("tls-client-ca", &["/etc/attache/ca.crt"]),
    ("max-connections", &["-1", "many", "1.5", "10000000"]),
    ("header-read-timeout", &["0s", "-10s", "10", "1d"]),
    ("idle-timeout", &["0", "-3m", "three", "5"]),
    ("upstream-host", &["https://a.example", "a.example/v1", "a.example:0", "a b"]),
    ("upstream-connect-to", &["https://b.example", "b.example/v1", "b.example:0", "b.example"]),
    ("upstream-scheme", &["HTTPS", "ftp", "https://"]),
    ("host-header", &["x upstream", "Authorization", "connection", "Content-Length", "Transfer-Encoding"]),
    ("upstream-timeout", &["0s", "-1ns", "30", "30 s", "soon"]),
    ("upstream-connect-timeout", &["0", "-1h", "10x"]),
    ("upstream-idle-timeout", &["0ms", "-90s", "90"]),
    ("upstream-protocol", &["HTTP2", "h2", "2", "http3"]),
    ("upstream-ca-cert", &[]),
    ("upstream-client-cert", &["/etc/attache/client.crt"]),
    ("upstream-client-key", &["/etc/attache/client.key"]),
    ("forwarded-for", &["Append", "drop"]),
    ("allow-host", &["*:80", "a.*.example", "https://a.example", "a.example:1:*", "a b"]),
    ("allow-address", &["10.0.0.0/33", "localhost", "10.0.0"]),
    ("deny-address", &["fd00::/129", "10.0.0.0/", "any"]),
    ("token-audience", &["a b"]),
    ("token-signing-algorithm", &["HS256", "ES256", "none"]),
    ("token-duration", &["2h", "59s", "1h0m1s", "0", "-5m", "60", "9999999h"]),
    ("token-refresh-skew", &["0s", "1h", "2h", "-5m", "5"]),
    ("token-fetch-timeout", &["0s", "-10s", "10"]),
    ("token-cache-capacity", &["0", "-5", "1k", "99999999999"]),
    ("token-tag", &["team", "=payments", "team=a;b"]),
    ("sts-endpoint-url", &["sts.eu-west-1.amazonaws.com", "ftp://a.example", "https://", "/sts"]),
    ("log-level", &["trace", "warning", "2"]),
    ("log-format", &["xml", "logfmt"]),
    ("access-log", &["yes", "2", "on"]),
    ("metrics-enabled", &["maybe", "tRUE", "no"]),
    ("metrics-listen-addr", &["9090", ":8080", "127.0.0.1:8080", ":99999", "unix:"]),
    ("metrics-path", &["metrics", "/healthz", "/readyz", "/status", "/{a}", "/a b"]),
    ("shutdown-delay", &["-1s", "5", "later"]),
    ("shutdown-timeout", &["0s", "-10s", "10"]),
    ("worker-threads", &["0", "-1", "all", "2000"]),
];

/// Those of them whose flag is one entry of a list, so that an empty one is an empty entry.
const LISTS: &[&str] = &["allow-host", "allow-address", "deny-address", "token-tag"];

#[test]
fn the_table_leaves_no_flag_out() {
    let command = Args::augment_args(clap::Command::new("attache"));
    let known: BTreeSet<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    assert_eq!(REFUSED.iter().map(|(flag, _)| *flag).collect::<BTreeSet<_>>(), known);
}

#[test]
fn a_bad_flag_stops_start_up_and_is_named_with_its_variable_and_value() {
    for (flag, values) in REFUSED {
        for value in *values {
            let output = attache(&[&format!("--{flag}={value}")], &[]);
            let stated = format!("  --{flag} ({}) is {}, must ", variable(flag), quoted(value));
            assert_one_problem(&output, &stated);
        }
    }
}

#[test]
fn a_bad_variable_stops_start_up_and_is_named_with_its_flag_and_value() {
    // What another program's variable may say of logs is not refused.
    for (flag, values) in REFUSED.iter().filter(|(flag, _)| !matches!(*flag, "log-level" | "log-format")) {
        for value in *values {
            let output = attache(&[], &[(&variable(flag), value)]);
            let stated = format!("  {} (--{flag}) is {}, must ", variable(flag), quoted(value));
            assert_one_problem(&output, &stated);
        }
    }
}

#[test]
fn a_flag_that_is_set_but_empty_is_refused_where_it_is_a_list_or_has_a_default() {
    let unset = |flag: &str| MAY_BE_EMPTY.contains(&flag) && !LISTS.contains(&flag);
    for (flag, _) in REFUSED.iter().filter(|(flag, _)| !unset(flag)) {
        let output = attache(&[&format!("--{flag}=")], &[]);
        assert_one_problem(&output, &format!("  --{flag} ({}) is empty, must ", variable(flag)));
    }
}

#[test]
fn an_empty_variable_is_refused_where_the_setting_has_a_default() {
    for (flag, _) in REFUSED.iter().filter(|(flag, _)| !MAY_BE_EMPTY.contains(flag)) {
        let output = attache(&[], &[(&variable(flag), "")]);
        assert_one_problem(&output, &format!("  {} (--{flag}) is empty, must ", variable(flag)));
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_refused_once() {
    use std::os::unix::ffi::OsStrExt;
    // Variables of logs may be another program's.
    for (flag, _) in REFUSED.iter().filter(|(flag, _)| !flag.starts_with("log-")) {
        let value = std::ffi::OsStr::from_bytes(b"\xff:80");
        let output = attache_command(&[]).env(variable(flag), value).output().unwrap();
        assert_one_problem(
            &output,
            &format!("  {} (--{flag}) is \"\u{fffd}:80\", must be UTF-8", variable(flag)),
        );
    }
}

#[test]
fn all_problems_come_in_one_report_with_their_count() {
    let output = attache(
        &["--metrics-path", "metrics", "--token-duration=2h"],
        &[("UPSTREAM_HOST", "https://api.example.com"), ("LOG_LEVEL", "info")],
    );
    let expected = "error: 3 settings need attention\n\
        \x20 UPSTREAM_HOST (--upstream-host) is \"https://api.example.com\", must be host[:port]\n\
        \x20   hint: the scheme has its own setting, --upstream-scheme https\n\
        \x20 --token-duration (TOKEN_DURATION) is 2h, must lie between 60s and 1h\n\
        \x20 --metrics-path (METRICS_PATH) is metrics, must begin with /\n";
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(2), expected));
}

#[test]
fn arguments_alone_leave_the_environment_unread() {
    let output = attache(&["--token-duration", "2h"], &[("UPSTREAM_SCHEME", "loud")]);
    assert!(stderr(&output).contains("2 settings"), "the process itself reads it");
    let error = Config::from_args(["--token-duration", "2h"]).unwrap_err();
    assert!(error.to_string().starts_with("1 setting needs attention"), "{error}");
}

fn attache_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attache"));
    command.env_clear().args(arguments);
    command
}

fn attache(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    attache_command(arguments).envs(environment.iter().copied()).output().unwrap()
}

fn assert_one_problem(output: &Output, stated: &str) {
    let report = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{stated}: {report}");
    assert!(report.starts_with("error: 1 setting needs attention\n"), "{stated}: {report}");
    assert!(report.contains(stated), "{stated}: {report}");
    assert!(output.stdout.is_empty());
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn quoted(value: &str) -> String {
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    if plain { value.to_owned() } else { format!("\"{value}\"") }
}
