//! Which route a request has, by listener, host and path.

use super::{Running, below, flags, listener, named, of_host, of_listener, route};
use crate::support::certificates::Certificates;
use crate::support::claims;
use crate::support::client::{Answer, Body, Http1, get, http2, raw, send};
use crate::support::upstream::{Upstream, text};
use attache::config::listener::{ListenerConfig, TlsFiles};
use attache::config::route::{RouteConfig, Routing};
use attache::model::target::Scheme;
use http::{HeaderValue, Request, StatusCode};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_request_has_the_most_specific_route_and_its_credential() {
    let (all, claude, wild, exact) =
        (named("all").await, named("claude").await, named("wild").await, named("exact").await);
    let routes = vec![
        route("all", &all),
        RouteConfig { matches: below("/claude", false), ..route("claude", &claude) },
        RouteConfig { matches: of_host("*.internal"), ..route("wild", &wild) },
        RouteConfig { matches: of_host("api.internal"), ..route("exact", &exact) },
    ];
    let proxy = Running::start(routes, vec![listener("default")]).await;
    let address = proxy.address("default").await;
    for (path, host, expected) in [
        ("/", "localhost", "all"),
        ("/claudex", "localhost", "all"),
        ("/claude", "localhost", "claude"),
        ("/claude/x?y", "localhost", "claude"),
        ("/claude", "a.internal:8080", "wild"),
        ("/", "API.internal.:80", "exact"),
        ("http://api.internal/claude", "localhost", "exact"),
    ] {
        assert_eq!(send(address, get(path, &[("host", host)])).await.text(), expected, "{host}{path}");
    }
    let (mut over_http2, _task) = http2(address).await;
    let request = Request::get("http://b.internal/claude").body(Body::default());
    let answer = over_http2.send_request(request.unwrap()).await.unwrap();
    assert_eq!(Answer::read(answer).await.text(), "wild");
    let token = claude.seen().first().unwrap().token().to_owned();
    assert_eq!(claims(&token)["aud"], "claude");
}

#[tokio::test]
async fn what_has_no_route_is_answered_before_any_token() {
    let upstream = Upstream::echo().await;
    let only = RouteConfig {
        matches: below("/v1", false),
        credential: flags(&[]).route().credential.clone(),
        routing: Routing::ByHeader { header: "X-Upstream-Host".parse().unwrap(), scheme: Scheme::Http },
        ..route("only", &upstream)
    };
    let proxy = Running::start(vec![only], vec![listener("default")]).await;
    let address = proxy.address("default").await;
    let host = upstream.authority();
    let answer = send(address, get("/v2", &[("x-upstream-host", &host)])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::NOT_FOUND, "no route\n"));
    assert_eq!(answer.header("proxy-status"), Some("attache; error=destination_not_found"));
    assert_eq!(proxy.sts.mints(), 0);
    let tunnel = raw(address, b"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n").await;
    assert!(tunnel.starts_with("http/1.1 405") || tunnel.starts_with("HTTP/1.1 405"), "{tunnel}");
}

#[tokio::test]
async fn a_prefix_is_taken_off_and_put_back_where_the_upstream_refers_to_itself() {
    let upstream = Upstream::scripted(|request| async move {
        let own = format!("http://{}/next", request.headers()["host"].to_str().unwrap());
        let location = if request.uri().path() == "/path" { "/next" } else { &own };
        let mut answer = text("");
        *answer.status_mut() = StatusCode::FOUND;
        answer.headers_mut().insert("location", HeaderValue::try_from(location).unwrap());
        answer
    })
    .await;
    let routes = vec![RouteConfig { matches: below("/claude", true), ..route("claude", &upstream) }];
    let proxy = Running::start(routes, vec![listener("default")]).await;
    let address = proxy.address("default").await;
    for (path, asked) in [
        ("/claude", "/"),
        ("/claude?x=/claude", "/?x=/claude"),
        ("/claude/", "/"),
        ("/claude/a%2Fb//c?d", "/a%2Fb//c?d"),
        ("/claude/claude/x", "/claude/x"),
        ("/claude/path", "/path"),
    ] {
        let answer = send(address, get(path, &[])).await;
        assert_eq!(upstream.seen().last().unwrap().uri.to_string(), asked, "{path}");
        assert_eq!(answer.header("location"), Some("/claude/next"), "{path}");
    }
    // The library of this test's upstream takes no raw bytes, so the line is read as it came.
    let raw_path = raw(address, b"GET /claude\" HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(raw_path.contains("404") && raw_path.ends_with("no route\n"), "{raw_path}");
}

#[tokio::test]
async fn listeners_have_routes_and_tls_of_their_own() {
    let files = Certificates::new("routes-listeners");
    let (one, other) = (named("one").await, named("other").await);
    let tls =
        TlsFiles { cert: files.path("cert.pem").into(), key: files.path("key.pem").into(), client_ca: None };
    let routes = vec![
        RouteConfig { matches: of_listener("one"), ..route("one", &one) },
        RouteConfig { matches: of_listener("other"), ..route("other", &other) },
    ];
    let secure = ListenerConfig { tls: Some(tls), ..listener("other") };
    let proxy = Running::start(routes, vec![listener("one"), secure, listener("third")]).await;
    assert_eq!(send(proxy.address("one").await, get("/", &[])).await.text(), "one");
    let third = send(proxy.address("third").await, get("/", &[])).await;
    assert_eq!(third.status, StatusCode::NOT_FOUND);
    let stream = TcpStream::connect(proxy.address("other").await).await.unwrap();
    let stream = files.connector(&[]).connect("localhost".try_into().unwrap(), stream).await.unwrap();
    assert_eq!(Http1::over(stream).await.send(get("/", &[])).await.text(), "other");
}
