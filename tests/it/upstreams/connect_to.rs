//! An upstream that is connected to under another name, as over AWS PrivateLink.

use crate::egress::proxy::{HttpProxy, attache, elsewhere};
use crate::support::certificates::{Certificates, ELSEWHERE};
use crate::support::client::{get, send};
use crate::support::program::Program;
use crate::support::upstream::{Upstream, echo};
use crate::support::{Sts, claims, scrape};
use http::StatusCode;
use tokio::net::TcpListener;

/// A name that no resolver knows either.
const ENDPOINT: &str = "vpce.example.test";

#[tokio::test]
async fn only_the_connection_is_made_there() {
    let (certificates, upstream) = elsewhere("connect-to").await;
    let (sts, ca, place) = (Sts::start().await, certificates.path("ca.pem"), upstream.address.to_string());
    let flags = ["--upstream-host", ELSEWHERE, "--upstream-connect-to", &place, "--upstream-ca-cert", &ca];
    let mut attache = Program::serve(&sts.url, &flags).await;
    assert_eq!(send(attache.proxy, get("/v1", &[])).await.status, StatusCode::OK);
    let seen = upstream.only_request();
    assert_eq!(seen.uri.authority().unwrap(), ELSEWHERE);
    assert_eq!(claims(seen.token())["aud"], format!("https://{ELSEWHERE}"));
    let scrape = scrape(&attache).await;
    assert!(scrape.contains(&format!("server_address=\"{ELSEWHERE}\"")), "{scrape}");
    assert!(!scrape.contains("server_address=\"127.0.0.1"), "{scrape}");
    let line = attache.logged(|line| line["msg"] == "routing").await;
    assert_eq!(line["connect_to"], format!("https://{place}"));
}

#[tokio::test]
async fn the_certificate_there_has_to_be_the_upstreams() {
    let certificates = Certificates::new("connect-to-other");
    certificates.issue_for_days(-1..1, "cert.pem", "key.pem");
    let upstream = Upstream::start(Some(certificates.acceptor(&["h2"])), echo).await;
    let place = format!("localhost:{}", upstream.address.port());
    let (sts, ca) = (Sts::start().await, certificates.path("ca.pem"));
    let flags = ["--upstream-host", ELSEWHERE, "--upstream-connect-to", &place, "--upstream-ca-cert", &ca];
    let attache = Program::serve(&sts.url, &flags).await;
    let answer = send(attache.proxy, get("/", &[])).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.header("proxy-status"), Some("attache; error=tls_certificate_error"));
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn a_proxy_on_the_way_is_asked_for_that_place_unless_no_proxy_names_it() {
    let (certificates, upstream) = elsewhere("connect-to-proxied").await;
    let proxy = HttpProxy::to(upstream.address).await;
    let (sts, ca) = (Sts::start().await, certificates.path("ca.pem"));
    let flags = ["--upstream-host", ELSEWHERE, "--upstream-connect-to", ENDPOINT, "--upstream-ca-cert", &ca];
    let url = format!("http://{}", proxy.address);
    for (no_proxy, expected) in [(ELSEWHERE, StatusCode::OK), (ENDPOINT, StatusCode::BAD_GATEWAY)] {
        let no_proxy = format!("127.0.0.1,{no_proxy}");
        let attache = attache(&sts, &[("HTTPS_PROXY", &url), ("NO_PROXY", &no_proxy)], &flags).await;
        let answer = send(attache.proxy, get("/", &[])).await;
        assert_eq!(answer.status, expected, "{no_proxy}: {}", answer.text());
    }
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with(&format!("connect {ENDPOINT}:443 http/1.1\r\n")), "{asked:?}");
    assert!(asked[0].contains(&format!("host: {ENDPOINT}:443\r\n")), "{asked:?}");
    assert_eq!(upstream.only_request().uri.authority().unwrap(), ELSEWHERE);
}

#[tokio::test]
async fn a_place_that_leads_back_is_refused() {
    let sts = Sts::start().await;
    let listen = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let flags = [
        ["--upstream-host", ELSEWHERE],
        ["--upstream-scheme", "http"],
        ["--upstream-connect-to", &listen],
        ["--listen-addr", &listen],
    ];
    let attache = Program::serve(&sts.url, flags.as_flattened()).await;
    let answer = send(attache.proxy, get("/", &[])).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.header("proxy-status"), Some("attache; error=proxy_loop_detected"));
}
