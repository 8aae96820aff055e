//! Which upstream a request goes to, and which it may not name.

use crate::support::World;
use crate::support::client::{self, get, send};
use crate::support::upstream::Upstream;
use http::StatusCode;

const HEADER: &str = "x-upstream-host";

#[tokio::test]
async fn a_header_names_the_upstream_and_goes_no_further() {
    let world = World::by_header(Upstream::echo().await, &[]).await;
    let name = world.upstream.authority();
    assert_eq!(send(world.proxy.proxy, get("/", &[(HEADER, &name)])).await.status, StatusCode::OK);
    let seen = world.upstream.only_request();
    assert_eq!((seen.only(HEADER), seen.only("host")), (None, Some(name.as_str())));
}

#[tokio::test]
async fn the_audience_of_a_named_upstream_is_its_scheme_and_host() {
    let world = World::by_header(Upstream::echo().await, &[]).await;
    let name = format!("LOCALHOST.:{}", world.upstream.address.port());
    assert_eq!(send(world.proxy.proxy, get("/", &[(HEADER, &name)])).await.status, StatusCode::OK);
    assert_eq!(world.sts.handle.calls()[0].audiences, ["http://localhost"]);
}

#[tokio::test]
async fn an_upstream_must_be_named() {
    let world = World::by_header(Upstream::echo().await, &[]).await;
    for headers in [&[][..], &[(HEADER, "")]] {
        let answer = send(world.proxy.proxy, get("/", headers)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.text(), "missing upstream: set --upstream-host or provide X-Upstream-Host\n");
        assert_eq!(answer.header("proxy-status"), Some("attache; error=destination_not_found"));
    }
}

#[tokio::test]
async fn the_header_that_is_missing_is_told_as_it_was_configured() {
    for header in ["X-API-Host", "x-to"] {
        let world = World::by_header(Upstream::echo().await, &["--host-header", header]).await;
        let answer = send(world.proxy.proxy, get("/", &[])).await;
        let told = format!("missing upstream: set --upstream-host or provide {header}\n");
        assert_eq!(answer.text(), told);
        let name = (&*header.to_ascii_uppercase(), &*world.upstream.authority());
        assert_eq!(send(world.proxy.proxy, get("/", &[name])).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_malformed_name_is_refused_before_any_token_is_asked_for() {
    let world = World::by_header(Upstream::echo().await, &[]).await;
    let long = "a".repeat(254);
    let names = [
        "user@localhost",
        "localhost/path",
        "localhost?q",
        "local host",
        " ",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:080808",
        "localhost:+80",
        "::1",
        "[::1",
        "[::1]x",
        "[::1]:",
        "[fe80::1%25eth0]",
        "http://localhost",
        "a..b",
        ".",
        "localhost,localhost",
        "0x100000000",
        "256.1",
        "1.2.3.4.5",
        "-:1:2",
        &long,
    ];
    for name in names {
        let answer = send(world.proxy.proxy, get("/", &[(HEADER, name)])).await;
        // A header that is all blanks is empty once parsed, so it names nothing rather than something wrong.
        let expected = if name.trim().is_empty() { "missing upstream" } else { "invalid upstream\n" };
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name:?}");
        assert!(answer.text().starts_with(expected), "{name:?}: {}", answer.text());
    }
    let twice = get("/", &[(HEADER, "localhost"), (HEADER, "example.com")]);
    assert_eq!(send(world.proxy.proxy, twice).await.text(), "invalid upstream\n");
    let not_ascii =
        format!("GET / HTTP/1.1\r\nhost: p\r\nconnection: close\r\n{HEADER}: l\u{f6}calhost\r\n\r\n");
    assert!(client::raw(world.proxy.proxy, not_ascii.as_bytes()).await.starts_with("HTTP/1.1 400"));
    assert_eq!((world.sts.mints(), world.upstream.seen().len()), (0, 0));
}

#[tokio::test]
async fn the_host_header_can_name_the_upstream() {
    let world = World::by_header(Upstream::echo().await, &["--host-header", "Host"]).await;
    let name = world.upstream.authority();
    assert_eq!(send(world.proxy.proxy, get("/", &[("host", &name)])).await.status, StatusCode::OK);
    assert_eq!(world.upstream.only_request().only("host"), Some(name.as_str()));
}

#[tokio::test]
async fn a_client_that_takes_the_proxy_for_its_http_proxy_is_understood() {
    let world = World::by_header(Upstream::echo().await, &[]).await;
    let name = world.upstream.authority();
    let request = format!("GET http://{name}/a?b HTTP/1.1\r\nhost: other\r\nconnection: close\r\n\r\n");
    assert!(client::raw(world.proxy.proxy, request.as_bytes()).await.starts_with("HTTP/1.1 200"));
    assert_eq!(world.upstream.only_request().uri.to_string(), "/a?b");
}

#[tokio::test]
async fn a_request_target_that_is_no_path_and_no_url_names_nothing() {
    let world = World::by_header(Upstream::echo().await, &[]).await;
    let name = world.upstream.authority();
    for start in [format!("GET {name} HTTP/1.1"), "GET * HTTP/1.1".to_owned()] {
        let request = format!("{start}\r\nhost: {name}\r\n{HEADER}: {name}\r\n\r\n");
        let answer = client::raw(world.proxy.proxy, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.ends_with("malformed request\n"), "{answer}");
        assert!(answer.contains("proxy-status: attache; error=http_request_error"), "{answer}");
    }
    assert_eq!((world.sts.mints(), world.upstream.seen().len()), (0, 0));
}

#[tokio::test]
async fn a_pinned_proxy_asks_no_header() {
    let world = World::start().await;
    let answer = send(world.proxy.proxy, get("/", &[(HEADER, "example.com")])).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn connect_is_refused() {
    let world = World::start().await;
    let request = b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n";
    let mut stream = tokio::net::TcpStream::connect(world.proxy.proxy).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, request).await.unwrap();
    let mut answer = vec![0; 512];
    let read = tokio::io::AsyncReadExt::read(&mut stream, &mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    assert!(answer.contains("Proxy-Status: attache; error=http_request_denied"), "{answer}");
}

#[tokio::test]
async fn only_listed_hosts_may_be_named() {
    let upstream = Upstream::echo().await;
    let port = upstream.address.port();
    let listed = format!("localhost:{port}");
    let world = World::by_header(upstream, &["--allow-host", &listed, "--allow-host", "*.example.com"]).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[(HEADER, &listed)])).await.status, StatusCode::OK);
    for name in ["localhost", "127.0.0.1", "example.com", "evilexample.com", "a.example.com:8080"] {
        let answer = send(world.proxy.proxy, get("/", &[(HEADER, name)])).await;
        assert_eq!(
            (answer.status, answer.text()),
            (StatusCode::FORBIDDEN, "upstream not allowed\n"),
            "{name}"
        );
        assert_eq!(answer.header("proxy-status"), Some("attache; error=http_request_denied"));
    }
}

#[tokio::test]
async fn an_operator_can_close_more_addresses() {
    let world = World::by_header(Upstream::echo().await, &["--deny-address", "127.0.0.1/32"]).await;
    let answer = send(world.proxy.proxy, get("/", &[(HEADER, &world.upstream.authority())])).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let denied = client::send(world.proxy.admin, get("/metrics", &[])).await;
    assert!(denied.text().contains("policy_denied_total{reason=\"address\""), "{}", denied.text());
}
