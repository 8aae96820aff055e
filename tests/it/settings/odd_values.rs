//! Values beyond ASCII, with something around them, or in place of others.

use super::{Line, resolve, shown, shown_notices};
use attache::config::variable_names::variable_of as variable;
use clap::CommandFactory;

#[test]
fn names_beyond_ascii_are_those_that_dns_knows() {
    let flags = ["--upstream-host", "B\u{fc}cher.example:8443"];
    assert!(shown(resolve(&flags, &[])).contains("Pinned(https://xn--bcher-kva.example:8443)"));
    let rules = ["--allow-host", "*.b\u{fc}cher.example", "--allow-host", "\u{4f8b}\u{3048}.jp:*"];
    let rules = resolve(&rules, &[]).unwrap().route().policy.allow_hosts.clone();
    let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
    assert_eq!(rules, ["*.xn--bcher-kva.example", "xn--r8jz45g.jp:*"]);
    assert!(resolve(&["--upstream-host", "b\u{fc}cher.example/v1"], &[]).is_err());
    assert!(resolve(&["--upstream-host", "b\u{fc}\u{301}cher..example"], &[]).is_err());
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
