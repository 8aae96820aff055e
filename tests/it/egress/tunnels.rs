//! Which requests go through the proxy, and what it and the upstream get to see.

use super::proxy::{HttpProxy, attache, elsewhere, pinned};
use crate::support::Sts;
use crate::support::certificates::ELSEWHERE;
use crate::support::client::{Http1, get, send};
use crate::support::program::command;
use crate::support::upstream::Upstream;
use http::{StatusCode, Version};

fn words(flags: &[String]) -> Vec<&str> {
    flags.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn an_https_upstream_is_reached_through_a_tunnel_that_shows_the_proxy_nothing() {
    let (certificates, upstream) = elsewhere("egress-https").await;
    let proxy = HttpProxy::to(upstream.address).await;
    let sts = Sts::start().await;
    let url = format!("http://user:hunter%32@{}", proxy.address);
    let mut attache = attache(&sts, &[("HTTPS_PROXY", &url)], &words(&pinned(&certificates))).await;
    let mut caller = Http1::connect(attache.proxy).await;
    for _ in 0..3 {
        let answer = caller.send(get("/v1", &[])).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "hello"));
    }
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1, "one tunnel carries all: {asked:?}");
    let mut lines: Vec<&str> = asked[0].trim_end().lines().collect();
    lines[1..].sort_unstable();
    let expected = [
        &format!("connect {ELSEWHERE}:443 http/1.1"),
        &format!("host: {ELSEWHERE}:443"),
        // "user:hunter2", in lower case like everything here.
        "proxy-authorization: basic dxnlcjpodw50zxiy",
    ];
    assert_eq!(lines, expected);
    let seen = upstream.seen().pop().unwrap();
    assert!(seen.version == Version::HTTP_2 && seen.token().starts_with("ey"));
    assert_eq!(seen.only("proxy-authorization"), None);
    let line = attache.logged(|line| line["msg"] == "upstreams are reached through a proxy").await;
    assert_eq!(
        (line["variable"].as_str(), line["proxy"].as_str()),
        (Some("HTTPS_PROXY"), Some(&*format!("http://{}", proxy.address)))
    );
    assert!(!format!("{:?}", attache.log()).contains("hunter"));
}

#[tokio::test]
async fn an_http_upstream_is_reached_through_a_tunnel_too() {
    for (variable, protocol) in [("HTTP_PROXY", "http1"), ("http_proxy", "http2"), ("ALL_PROXY", "auto")] {
        let upstream = Upstream::echo().await;
        let proxy = HttpProxy::to(upstream.address).await;
        let sts = Sts::start().await;
        let url = proxy.address.to_string();
        let flags =
            ["--upstream-scheme", "http", "--upstream-host", ELSEWHERE, "--upstream-protocol", protocol];
        let attache = attache(&sts, &[(variable, &url)], &flags).await;
        assert_eq!(send(attache.proxy, get("/", &[])).await.status, StatusCode::OK, "{variable}");
        assert!(proxy.asked()[0].starts_with(&format!("connect {ELSEWHERE}:80 http/1.1\r\n")), "{variable}");
        assert_eq!(upstream.only_request().only("host").unwrap_or(ELSEWHERE), ELSEWHERE);
    }
}

#[tokio::test]
async fn any_success_opens_the_tunnel_whatever_its_fields_say() {
    let sts = Sts::start().await;
    let upstream = Upstream::echo().await;
    for answer in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.0 299 Go\r\nvia : 1.1 proxy\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\ntransfer-encoding: chunked, gzip\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
    ] {
        let proxy = HttpProxy::saying(answer, upstream.address).await;
        let url = proxy.address.to_string();
        let flags = ["--upstream-scheme", "http", "--upstream-host", ELSEWHERE];
        let attache = attache(&sts, &[("HTTP_PROXY", &url)], &flags).await;
        assert_eq!(send(attache.proxy, get("/", &[])).await.status, StatusCode::OK, "{answer}");
    }
}

#[tokio::test]
async fn what_no_proxy_lists_and_this_machine_are_reached_without() {
    let upstream = Upstream::echo().await;
    let sts = Sts::start().await;
    let nobody = [("HTTP_PROXY", "http://127.0.0.1:1"), ("ALL_PROXY", "http://127.0.0.1:1")];
    let host = upstream.authority();
    let attache_here = attache(&sts, &nobody, &["--upstream-scheme", "http", "--upstream-host", &host]).await;
    assert_eq!(send(attache_here.proxy, get("/", &[])).await.status, StatusCode::OK);

    // Not reached, as it cannot be resolved, but not through the proxy either.
    let listed = [nobody[0], ("NO_PROXY", "127.0.0.1,example.test")];
    let attache_listed =
        attache(&sts, &listed, &["--upstream-scheme", "http", "--upstream-host", ELSEWHERE]).await;
    let answer = send(attache_listed.proxy, get("/", &[])).await;
    assert_eq!(answer.header("proxy-status"), Some("attache; error=dns_error"));
}

#[tokio::test]
async fn names_are_the_proxys_to_resolve_and_everything_else_is_judged_as_ever() {
    let (certificates, upstream) = elsewhere("egress-header").await;
    let proxy = HttpProxy::to(upstream.address).await;
    let sts = Sts::start().await;
    let ca = certificates.path("ca.pem");
    let url = proxy.address.to_string();
    let flags = [
        "--upstream-ca-cert",
        &ca,
        "--allow-host",
        "*.example.test",
        "--allow-host",
        "169.254.169.254",
        "--allow-host",
        "localhost",
    ];
    let mut attache = attache(&sts, &[("https_proxy", &url)], &flags).await;
    let line = attache.logged(|line| line["code"] == "egress_unjudged").await;
    assert_eq!((line["level"].as_str(), line["variable"].as_str()), (Some("WARN"), Some("https_proxy")));
    let named = async |name: &str| {
        let answer = send(attache.proxy, get("/", &[("x-upstream-host", name)])).await;
        (answer.status.as_u16(), answer.header("proxy-status").unwrap_or_default().to_owned())
    };
    for name in ["169.254.169.254", "localhost"] {
        let denied = "attache; error=destination_ip_prohibited".to_owned();
        assert_eq!(named(name).await, (403, denied), "{name}");
    }
    assert_eq!(named("api.example.org").await, (403, "attache; error=http_request_denied".to_owned()));
    assert_eq!((sts.mints(), proxy.asked().len()), (0, 0));
    assert_eq!(named(ELSEWHERE).await.0, 200);
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_stops_the_start_unless_nothing_needs_it() {
    let sts = Sts::start().await;
    let start = async |variable: &str, value: &str| {
        let mut command = command(&sts.url);
        command.env(variable, value).args(["--upstream-host", ELSEWHERE, "--listen-addr", "8080"]);
        String::from_utf8(command.output().await.unwrap().stderr).unwrap()
    };
    let expected = "\n  HTTPS_PROXY is a value that is not shown, must be http://host:port or http://user:password@host:port\n    hint: ";
    for (value, hint) in [
        ("https://u:hunter2@proxy:443", "attache speaks plain HTTP to a proxy"),
        ("socks5h://u:hunter2@proxy:1080", "attache speaks plain HTTP to a proxy"),
        ("http://u:hunter2@", "a user and a password stand before the @"),
        ("\"http://u:hunter2@proxy:3128\"", "the value has quotes around it"),
        ("'http://u:hunter2@proxy:3128", "the value has quotes around it"),
        ("http://u:hunter2@proxy:3128\r", "the value ends in a carriage return"),
        ("proxy:3128\n", "the value ends in a line break"),
        (" http://u:hunter2@proxy:3128", "the value begins or ends with a blank"),
        ("http://u:hunter2@proxy:3128/ ", "the value begins or ends with a blank"),
        ("https://u:hunter2@proxy\u{a0}", "the value has a character in it that is not seen"),
    ] {
        let report = start("HTTPS_PROXY", value).await;
        assert!(report.starts_with("error: 2 settings need attention\n"), "{report}");
        assert!(report.contains(&format!("{expected}{hint}")) && !report.contains("hunter2"), "{report}");
    }
    let report = start("HTTP_PROXY", "socks5://proxy").await;
    assert!(
        report.starts_with("error: 1 setting needs attention\n"),
        "https upstreams do not use it: {report}"
    );
}

#[tokio::test]
async fn a_proxy_that_is_attache_itself_is_warned_of_and_does_not_go_in_circles() {
    let sts = Sts::start().await;
    let itself = "http://127.7.7.9:18082";
    let flags = ["--upstream-host", ELSEWHERE, "--listen-addr", "127.7.7.9:18082"];
    let mut attache = attache(&sts, &[("HTTPS_PROXY", itself), ("HTTP_PROXY", itself)], &flags).await;
    let message =
        "calls to STS and requests to upstreams are sent to this very proxy, which opens no tunnels";
    let line = attache.logged(|line| line["msg"] == message).await;
    assert_eq!((line["level"].as_str(), line["code"].as_str()), (Some("WARN"), Some("proxy_loop")));
    assert_eq!(line["variable"], "HTTPS_PROXY, HTTP_PROXY");
    assert_eq!(attache.log().iter().filter(|line| line["code"] == "proxy_loop").count(), 1);
    let answer = send(attache.proxy, get("/", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "upstream error\n"));
    let told = "attache; error=proxy_loop_detected; details=\"egress proxy\"";
    assert_eq!(answer.header("proxy-status"), Some(told));
    assert_eq!(sts.mints(), 1);
}
