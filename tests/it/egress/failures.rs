//! What a proxy on the way does wrong, and how callers and operators tell that from what the upstream does.

use super::proxy::{HttpProxy, attache};
use crate::support::Sts;
use crate::support::certificates::ELSEWHERE;
use crate::support::client::{Answer, get, send};
use serde_json::Value;
use tokio::net::TcpListener;

/// Status, `Proxy-Status` without its name, the log line's code, and what it says after the name of the proxy.
async fn outcome(proxy: &str, flags: &[&str]) -> (u16, String, String, String) {
    outcome_as("user:hunter2@", proxy, flags).await
}

/// The same with this user and password, or none.
async fn outcome_as(user: &str, proxy: &str, flags: &[&str]) -> (u16, String, String, String) {
    let (answer, line) = failure(user, proxy, flags).await;
    let error = line["error"].as_str().unwrap();
    let reason = error
        .strip_prefix(&format!("through http://{proxy} of HTTPS_PROXY: "))
        .unwrap_or_else(|| panic!("{error}"));
    let proxy_status = answer.header("proxy-status").unwrap();
    let proxy_status = proxy_status.strip_prefix("attache; error=").unwrap().to_owned();
    (answer.status.as_u16(), proxy_status, line["code"].as_str().unwrap().to_owned(), reason.to_owned())
}

/// What the caller gets, and the log line.
async fn failure(user: &str, proxy: &str, flags: &[&str]) -> (Answer, Value) {
    let sts = Sts::start().await;
    let url = format!("http://{user}{proxy}");
    let flags: Vec<&str> = ["--upstream-host", ELSEWHERE].iter().chain(flags).copied().collect();
    let mut attache = attache(&sts, &[("HTTPS_PROXY", &url)], &flags).await;
    let answer = send(attache.proxy, get("/", &[])).await;
    let line = attache.logged(|line| line["msg"] == "upstream error").await;
    assert_eq!(
        (line["level"].as_str(), line["target"].as_str()),
        (Some("ERROR"), Some("https://api.example.test"))
    );
    assert!(!format!("{:?}", attache.log()).contains("hunter2"));
    (answer, line)
}

/// What `Proxy-Status` says of a status.
fn received(status: impl std::fmt::Display) -> String {
    format!("; received-status={status}")
}

#[tokio::test]
async fn each_answer_that_opens_no_tunnel_is_told_apart() {
    let cases: [(&[u8], &str, &str, &str); 6] = [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"x\"\r\ncontent-length: 0\r\n\r\n",
            "proxy_configuration_error",
            "egress_credentials",
            "it does not accept the user and password of its URL",
        ),
        (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nnope", "http_request_denied", "egress_refused", "it forbids the upstream"),
        (
            b"HTTP/1.0 400 Bad Request\r\n\r\n<html>",
            "connection_terminated",
            "egress_refused",
            "it opened no tunnel, and answered 400 Bad Request",
        ),
        (
            b"HTTP/1.1 302 Found\r\nlocation: http://login.example/\r\ncontent-length: 0\r\n\r\n",
            "connection_terminated",
            "egress_refused",
            "it opened no tunnel, and answered 302 Found",
        ),
        (b"220 mail.example.com ESMTP\r\n\r\n", "http_protocol_error", "egress_broken", "no usable answer: "),
        (b"HTTP/1.1 200 O", "http_protocol_error", "egress_broken", "no usable answer: "),
    ];
    for (answer, error, code, reason) in cases {
        let proxy = HttpProxy::answering(answer).await;
        let (status, told, logged, said) = outcome(&proxy.address.to_string(), &[]).await;
        let number = std::str::from_utf8(&answer[9..12]).unwrap();
        let number = if code == "egress_broken" { String::new() } else { received(number) };
        let expected = format!("{error}; details=\"egress proxy\"{number}");
        assert_eq!((status, told, logged.as_str()), (502, expected, code), "{said}");
        assert!(said.starts_with(reason), "{said}");
    }
}

/// The proxy's own limit or failure, a portal to log in at, and a server that is no proxy.
#[tokio::test]
async fn a_proxy_that_opens_no_tunnel_is_named_with_its_status_and_what_to_do() {
    for (answer, hint) in [
        (
            "429 Too Many Requests",
            "have the proxy allow attache more tunnels, or list this upstream in NO_PROXY",
        ),
        ("500 Internal Server Error", "see the proxy's own log for why it failed"),
        ("505 HTTP Version Not Supported", "see the proxy's own log for why it failed"),
        (
            "511 Network Authentication Required",
            "log this machine in at the proxy, or have the proxy let it pass without",
        ),
        ("302 Found", "log this machine in at the proxy, or have the proxy let it pass without"),
        ("404 Not Found", "check that the proxy variable names an HTTP proxy that opens tunnels (CONNECT)"),
        (
            "405 Method Not Allowed",
            "check that the proxy variable names an HTTP proxy that opens tunnels (CONNECT)",
        ),
        (
            "451 Unavailable For Legal Reasons",
            "have the proxy allow CONNECT to this upstream, or list it in NO_PROXY",
        ),
    ] {
        let text = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
        let proxy = HttpProxy::answering(text.as_bytes()).await;
        let address = proxy.address;
        let (told, line) = failure("", &address.to_string(), &[]).await;
        let number = received(&answer[..3]);
        let expected = format!("attache; error=connection_terminated; details=\"egress proxy\"{number}");
        assert_eq!((told.status.as_u16(), told.header("proxy-status")), (502, Some(&*expected)));
        let error =
            format!("through http://{address} of HTTPS_PROXY: it opened no tunnel, and answered {answer}");
        let said = (line["error"].as_str(), line["code"].as_str(), line["hint"].as_str());
        assert_eq!(said, (Some(&*error), Some("egress_refused"), Some(hint)));
    }
}

#[tokio::test]
async fn credentials_that_are_missing_are_told_from_those_that_are_wrong() {
    let answer = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    let proxy = HttpProxy::answering(answer).await;
    let (status, _, code, said) = outcome_as("", &proxy.address.to_string(), &[]).await;
    let expected = (502, "egress_credentials", "it wants a user and a password, and its URL has none");
    assert_eq!((status, code.as_str(), said.as_str()), expected);
}

/// A portal answers CONNECT with its page, and some proxies hang up after their 200.
#[tokio::test]
async fn a_tunnel_that_carries_no_tls_is_no_failure_of_the_upstream() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\n\r\n<html>please log in</html>"[..],
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
    ] {
        let proxy = HttpProxy::answering(answer).await;
        let (status, told, code, said) = outcome(&proxy.address.to_string(), &[]).await;
        let expected = "tls_protocol_error; details=\"behind the egress proxy\"";
        assert_eq!((status, told.as_str(), code.as_str()), (502, expected, "egress_broken"), "{said}");
        assert!(said.starts_with("it opened a tunnel, and TLS through it failed: "), "{said}");
    }
}

/// Squid answers 503 where the upstream's name does not resolve, or its port is closed.
#[tokio::test]
async fn an_upstream_that_the_proxy_cannot_reach_is_no_refusal_of_the_proxy() {
    let cases: [(&[u8], u16, &str); 3] = [
        (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", 502, "destination_unavailable"),
        (b"HTTP/1.0 503 Service Unavailable\r\n\r\nno such host", 502, "destination_unavailable"),
        (b"HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\n\r\n", 504, "connection_timeout"),
    ];
    for (answer, expected, error) in cases {
        let proxy = HttpProxy::answering(answer).await;
        let (status, told, code, said) = outcome(&proxy.address.to_string(), &[]).await;
        let number = received(std::str::from_utf8(&answer[9..12]).unwrap());
        let details = format!("{error}; details=\"behind the egress proxy\"{number}");
        assert_eq!((status, told, code.as_str()), (expected, details, "egress_no_way"), "{said}");
        assert!(said.starts_with("it cannot reach the upstream, and answered 50"), "{said}");
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_told_from_an_upstream_that_cannot() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    for proxy in [&*address, "nowhere.invalid:3128"] {
        let (status, told, code, _) = outcome(proxy, &[]).await;
        let expected = "destination_unavailable; details=\"egress proxy\"";
        assert_eq!((status, told.as_str(), code.as_str()), (502, expected, "egress_unreachable"));
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_answer_holds_a_request_no_longer_than_a_connection_may_take() {
    let proxy = HttpProxy::answering(b"").await;
    let flags = ["--upstream-connect-timeout", "300ms"];
    let (status, told, code, reason) = outcome(&proxy.address.to_string(), &flags).await;
    let expected = "connection_timeout; details=\"egress proxy\"";
    assert_eq!((status, told.as_str(), code.as_str()), (504, expected, "egress_timeout"));
    assert_eq!(reason, "no connection to the upstream within 300ms");
}
