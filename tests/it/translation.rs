//! What one version of HTTP says in another way than the other, and what a request may ask of a proxy.

use crate::support::World;
use crate::support::client::{Answer, Body, get, http2, raw, send};
use crate::support::upstream::Upstream;
use crate::support::wire::{END, Wire};
use attache::tasks::Owned;
use bytes::Bytes;
use http::{Request, StatusCode, Version};
use std::net::SocketAddr;
use tokio::net::TcpStream;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn cookies_of_an_http_2_caller_reach_an_http_1_1_upstream_in_one_field() {
    let world = World::start().await;
    let cookies = [("cookie", "a=1"), ("x-between", "1"), ("cookie", "b=2"), ("cookie", "c=3; d=4")];
    let (mut sender, _connection) = http2(world.proxy.proxy).await;
    sender.send_request(get("http://p/", &cookies)).await.unwrap();
    let seen = world.upstream.only_request();
    assert_eq!((seen.version, seen.only("cookie")), (Version::HTTP_11, Some("a=1; b=2; c=3; d=4")));
}

#[tokio::test]
async fn a_request_without_content_says_so_where_its_method_gives_content_a_meaning() {
    let methods = [
        ("POST", Some("0")),
        ("PUT", Some("0")),
        ("PATCH", Some("0")),
        ("GET", None),
        ("HEAD", None),
        ("DELETE", None),
        ("OPTIONS", None),
        ("QUERY", None),
        ("PROPFIND", None),
    ];
    let cases = methods.iter().flat_map(|case| [("http1", case), ("http2", case)]);
    for (protocol, &(method, length)) in cases {
        let world = World::pinned(Upstream::echo().await, &["--upstream-protocol", protocol]).await;
        let request = || Request::builder().method(method).uri("http://p/").header("host", "p");
        // hyper says the length by itself, so these callers are by hand.
        let (mut sender, _connection) = bare_http2(world.proxy.proxy).await;
        let (response, _) = sender.send_request(request().body(()).unwrap(), true).unwrap();
        response.await.unwrap();
        let text = format!("{method} / HTTP/1.1\r\nhost: p\r\nconnection: close\r\n\r\n");
        raw(world.proxy.proxy, text.as_bytes()).await;
        let seen = world.upstream.seen();
        let lengths: Vec<_> = seen.iter().map(|seen| seen.only("content-length")).collect();
        assert_eq!(lengths, [length, length], "{method} over {protocol}");
        assert!(seen.iter().all(|seen| seen.only("transfer-encoding").is_none()), "{seen:?}");
    }
}

#[tokio::test]
async fn trace_would_show_the_token_and_is_refused() {
    let world = World::start().await;
    let request = || Request::builder().method("TRACE").uri("http://p/").header("host", "p");
    let (mut sender, _connection) = http2(world.proxy.proxy).await;
    let over_http2 = sender.send_request(request().body(Body::default()).unwrap()).await.unwrap();
    for answer in [
        send(world.proxy.proxy, request().header("max-forwards", "5").body(Body::default()).unwrap()).await,
        Answer::read(over_http2).await,
    ] {
        assert_eq!(
            (answer.status, answer.text()),
            (StatusCode::METHOD_NOT_ALLOWED, "TRACE is not supported\n")
        );
        assert_eq!(answer.header("proxy-status"), Some("attache; error=http_request_denied"));
        assert!(!answer.header("allow").unwrap().contains("TRACE"), "{answer:?}");
    }
    assert_eq!(world.upstream.seen().len(), 0);
}

#[tokio::test]
async fn options_go_as_far_as_they_may() {
    let wire = Wire::start(&[]).await;
    let options = |hops: &str| format!("OPTIONS / HTTP/1.1\r\nhost: p\r\nmax-forwards: {hops}\r\n\r\n");
    let mut caller = wire.caller(&options("0")).await;
    let answer = caller.until(END).await.to_ascii_lowercase();
    assert!(
        answer.starts_with("http/1.1 200 ok\r\n") && answer.contains("\r\nproxy-status: attache\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\r\nallow: get, head, post, put, patch, delete, options\r\n"), "{answer}");
    caller.send(&options("5")).await;
    let mut upstream = wire.upstream().await;
    let request = upstream.until(END).await.to_ascii_lowercase();
    assert!(request.contains("\r\nmax-forwards: 4\r\n"), "{request}");
    upstream.send(OK).await;
    caller.until("ok").await;
    caller.send(&options("99999999999999999999")).await;
    let request = upstream.until(END).await;
    assert!(request.contains("\r\nmax-forwards: 18446744073709551614\r\n"), "{request}");
    upstream.send(OK).await;
    caller.until("ok").await;
    caller.send(&options("many")).await;
    assert!(caller.until(END).await.starts_with("HTTP/1.1 400 "));
}

/// A caller of HTTP/2 that says nothing by itself.
async fn bare_http2(address: SocketAddr) -> (h2::client::SendRequest<Bytes>, Owned) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = crate::support::spawn(async {
        // The user of the connection notices its end.
        let _ = connection.await;
    });
    (sender, connection)
}

#[tokio::test]
async fn a_later_minor_version_is_read_as_http_1_1_and_another_major_version_is_505() {
    let wire = Wire::start(&[]).await;
    for (version, answered) in [("1.2", "1.1"), ("1.9", "1.5")] {
        let mut caller = wire.caller(&format!("GET / HTTP/{version}\r\nhost: p\r\n\r\n")).await;
        let mut upstream = wire.upstream().await;
        assert!(upstream.until(END).await.starts_with("GET / HTTP/1.1\r\n"));
        upstream
            .send(&format!("HTTP/{answered} 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"))
            .await;
        assert!(caller.until("ok").await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    for version in ["0.9", "2.0", "3.0"] {
        let answer = wire.caller(&format!("GET / HTTP/{version}\r\nhost: p\r\n\r\n")).await.rest().await;
        assert!(answer.starts_with("HTTP/1.1 505 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\nHTTP version not supported\n"), "{answer}");
    }
}

#[tokio::test]
async fn options_for_a_whole_server_is_an_asterisk_over_either_version() {
    let options = |target: &str| format!("OPTIONS {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    for (target, arrives) in [("http://a", "*"), ("http://a:80", "*"), ("*", "*"), ("http://a/", "/")] {
        let wire = Wire::start(&[]).await;
        let _caller = wire.caller(&options(target)).await;
        let line = wire.upstream().await.until("\r\n").await;
        assert_eq!(line, format!("OPTIONS {arrives} HTTP/1.1\r\n"), "{target}");
        let world = World::pinned(Upstream::echo().await, &["--upstream-protocol", "http2"]).await;
        let answer = raw(world.proxy.proxy, options(target).as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!(world.upstream.only_request().uri.path(), arrives, "{target}");
    }
}

#[tokio::test]
async fn a_204_with_a_length_reaches_a_caller_of_either_version_without() {
    let answer = "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\nx-seen: 1\r\n\r\n";
    let wire = Wire::start(&[]).await;
    let mut caller = wire.caller("GET / HTTP/1.1\r\nhost: p\r\n\r\n").await;
    wire.upstream().await.send(answer).await;
    let head = caller.until(END).await;
    assert!(head.starts_with("HTTP/1.1 204 ") && !head.contains("content-length"), "{head}");
    let wire = Wire::start(&[]).await;
    let (mut sender, _connection) = http2(wire.proxy.proxy).await;
    let (answer, _) = tokio::join!(sender.send_request(get("http://p/", &[])), async {
        wire.upstream().await.send(answer).await;
    });
    let answer = Answer::read(answer.unwrap()).await;
    assert_eq!((answer.status, answer.header("x-seen")), (StatusCode::NO_CONTENT, Some("1")));
    assert_eq!(answer.header("content-length"), None);
}

/// RFC 9112, section 5.1: a server refuses such a request, and a proxy mends such a response.
#[tokio::test]
async fn blanks_before_the_colon_are_removed_from_a_response_and_its_length_is_obeyed() {
    for (lines, body) in [
        ("X-Seen : 1\r\nContent-Length\t : 2\r\n\r\nok", "\r\n\r\nok"),
        ("X-Seen\t: 1\r\nTransfer-Encoding : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "2\r\nok\r\n0\r\n\r\n"),
    ] {
        let wire = Wire::start(&[]).await;
        let mut caller = wire.caller("GET / HTTP/1.1\r\nhost: p\r\n\r\n").await;
        wire.upstream().await.send(&format!("HTTP/1.1 200 OK\r\n{lines}")).await;
        let answer = caller.until(body).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("x-seen: 1\r\n"), "{answer}");
    }
}
