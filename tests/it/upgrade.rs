//! Switching protocols, as WebSocket does.

use crate::support::World;
use crate::support::certificates::Certificates;
use crate::support::client::{self, Answer, Http1, get};
use crate::support::upstream::{Upstream, text};
use crate::support::wire::{END, Wire};
use http::StatusCode;
use hyper::upgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio_rustls::TlsAcceptor;

const WISH: [(&str, &str); 3] =
    [("connection", "keep-alive, Upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", "dGVzdA==")];

/// An upstream that switches to sending back every byte.
async fn echoing(tls: Option<TlsAcceptor>) -> Upstream {
    Upstream::start(tls, |mut request| async move {
        let switched = upgrade::on(&mut request);
        crate::support::detached(async move {
            let (mut from, mut to) = split(TokioIo::new(switched.await.unwrap()));
            copy(&mut from, &mut to).await.unwrap();
            to.shutdown().await.unwrap();
        });
        let mut reply = text("");
        *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        reply.headers_mut().insert("connection", "upgrade".parse().unwrap());
        reply.headers_mut().insert("upgrade", "websocket".parse().unwrap());
        reply
    })
    .await
}

#[tokio::test]
async fn after_101_both_sides_are_one_pipe() {
    let world = World::pinned(echoing(None).await, &[]).await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    let mut answer = caller.begin(get("/socket", &WISH)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(answer.headers()["upgrade"], "websocket");
    let mut pipe = TokioIo::new(upgrade::on(&mut answer).await.unwrap());
    for text in ["ping", "again"] {
        pipe.write_all(text.as_bytes()).await.unwrap();
        let mut echoed = vec![0; text.len()];
        pipe.read_exact(&mut echoed).await.unwrap();
        assert_eq!(echoed, text.as_bytes());
    }
    assert_eq!(crate::support::metric(&world.proxy, "http_server_active_requests").await, 1.0);
    pipe.shutdown().await.unwrap();
    assert_eq!(pipe.read(&mut [0; 8]).await.unwrap(), 0);
    let seen = world.upstream.only_request();
    assert!(seen.token().starts_with("ey"));
    assert_eq!((seen.only("connection"), seen.only("upgrade")), (Some("upgrade"), Some("websocket")));
    assert_eq!(seen.only("sec-websocket-key"), Some("dGVzdA=="));
}

#[tokio::test]
async fn a_426_says_what_to_switch_to() {
    for (wish, last) in
        [("", ""), ("", "connection: close\r\n"), ("upgrade: websocket\r\nconnection: upgrade\r\n", "")]
    {
        let wire = Wire::start(&[]).await;
        let mut caller = wire.caller(&format!("GET / HTTP/1.1\r\nhost: p\r\n{wish}{last}\r\n")).await;
        let mut upstream = wire.upstream().await;
        upstream.until(END).await;
        let fields = "upgrade: websocket\r\nconnection: upgrade, x-hop\r\nx-hop: 1\r\ncontent-length: 0";
        upstream.send(&format!("HTTP/1.1 426 Upgrade Required\r\n{fields}\r\n\r\n")).await;
        let answer = caller.until(END).await;
        assert!(
            answer.starts_with("HTTP/1.1 426 ") && answer.contains("\r\nupgrade: websocket\r\n"),
            "{answer}"
        );
        assert!(answer.contains("\r\nconnection: upgrade\r\n") && !answer.contains("x-hop"), "{answer}");
        assert_eq!(answer.contains("\r\nconnection: close\r\n"), !last.is_empty(), "{answer}");
        if last.is_empty() {
            caller.send("GET / HTTP/1.1\r\nhost: p\r\n\r\n").await;
            upstream.until(END).await;
            upstream.send(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n")).await;
            let answer = caller.until(END).await;
            assert!(!answer.contains("upgrade"), "no other response has to say it: {answer}");
        }
    }
}

#[tokio::test]
async fn a_426_over_http_2_has_no_field_of_a_connection() {
    let upstream = Upstream::scripted(|_| async {
        let mut reply = text("");
        *reply.status_mut() = StatusCode::UPGRADE_REQUIRED;
        reply.headers_mut().insert("connection", "upgrade".parse().unwrap());
        reply.headers_mut().insert("upgrade", "websocket".parse().unwrap());
        reply
    });
    let world = World::pinned(upstream.await, &[]).await;
    let (mut sender, _connection) = client::http2(world.proxy.proxy).await;
    let answer = sender.send_request(get("http://p/", &[])).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UPGRADE_REQUIRED);
    assert!(!answer.headers().contains_key("upgrade") && !answer.headers().contains_key("connection"));
}

#[tokio::test]
async fn a_caller_of_http_1_0_cannot_switch() {
    let world = World::start().await;
    let request = b"GET / HTTP/1.0\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let answer = client::raw(world.proxy.proxy, request).await;
    assert!(answer.starts_with("HTTP/1.0 200") && answer.ends_with("hello"), "{answer}");
    let seen = world.upstream.only_request();
    assert_eq!((seen.only("connection"), seen.only("upgrade")), (None, None));
}

#[tokio::test]
async fn an_upstream_that_will_not_switch_answers_as_ever() {
    let world = World::start().await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    let answer = Answer::read(caller.begin(get("/", &WISH)).await.unwrap()).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "hello"));
    assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_upstream_that_prefers_http_2_is_asked_to_switch_in_http_1() {
    let certificates = Certificates::new("switching");
    let upstream = echoing(Some(certificates.acceptor(&["h2", "http/1.1"]))).await;
    let world = World::pinned(upstream, &["--upstream-ca-cert", &certificates.path("ca.pem")]).await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    let mut answer = caller.begin(get("/socket", &WISH)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut pipe = TokioIo::new(upgrade::on(&mut answer).await.unwrap());
    pipe.write_all(b"ping").await.unwrap();
    let mut echoed = [0; 4];
    pipe.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"ping");
}
