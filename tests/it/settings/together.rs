//! Settings that need, exclude or bound each other.

use super::resolve;
use attache::config::effective::Value;
use attache::config::route::Routing;

#[test]
fn a_certificate_needs_its_key() {
    let config = resolve(&["--tls-cert", "c.pem"], &[("TLS_KEY".into(), "k.pem")]).unwrap();
    let files = config.listener().tls.clone().unwrap();
    assert_eq!((files.cert.to_str(), files.key.to_str()), (Some("c.pem"), Some("k.pem")));
    let report = resolve(&["--tls-cert", "c.pem"], &[("TLS_KEY".into(), "")]).unwrap_err().to_string();
    assert!(report.contains("must be given together with --tls-key (TLS_KEY)"), "{report}");
}

#[test]
fn a_certificate_for_upstreams_needs_its_key() {
    let flags = ["--upstream-client-cert", "c.pem"];
    let config = resolve(&flags, &[("ATTACHE_UPSTREAM_CLIENT_KEY".into(), "k.pem")]).unwrap();
    let pair = config.route().upstream.tls.client.clone().unwrap();
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
fn asking_callers_for_certificates_needs_one_to_show_them() {
    let pair = ["--tls-cert", "c.pem", "--tls-key", "k.pem"];
    assert_eq!(resolve(&pair, &[]).unwrap().listener().tls.clone().unwrap().client_ca, None);
    let config = resolve(&pair, &[("ATTACHE_TLS_CLIENT_CA".into(), "ca.pem")]).unwrap();
    assert_eq!(config.listener().tls.clone().unwrap().client_ca.unwrap().to_str(), Some("ca.pem"));
    let report = resolve(&["--tls-client-ca", "ca.pem"], &[]).unwrap_err().to_string();
    let expected = "1 setting needs attention\n  --tls-client-ca (ATTACHE_TLS_CLIENT_CA) is ca.pem, \
        must be given together with --tls-cert and --tls-key";
    assert_eq!(report, expected);
}

#[test]
fn listeners_may_be_sockets_but_not_the_same_one() {
    let flags = ["--listen-addr", "unix:/run/a.sock", "--metrics-listen-addr", "unix:/run/b.sock"];
    let config = resolve(&flags, &[]).unwrap();
    assert_eq!(config.listener().listen.to_string(), "unix:/run/a.sock");
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
    assert!(matches!(pinned.unwrap().route().routing, Routing::Pinned(_)));
}
