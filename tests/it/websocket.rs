//! WebSocket over HTTP/2 (RFC 8441). `tests/clients/websocket_http2.py` says the same with libraries that are not ours.

use crate::support::World;
use crate::support::certificates::Certificates;
use crate::support::client::{Answer, Body, get, http2};
use crate::support::program::WAIT_LIMIT;
use crate::support::upstream::Upstream;
use crate::support::websocket::{ask, echoing, reply};
use http::{Method, Request, StatusCode, Version};
use hyper::upgrade;
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn a_websocket_over_http_2_is_one_of_http_1_to_the_upstream() {
    let certificates = Certificates::new("websocket");
    for tls in [None, Some(certificates.acceptor(&["h2", "http/1.1"]))] {
        let (upstream, mut ends) = echoing(tls).await;
        let world = World::pinned(upstream, &["--upstream-ca-cert", &certificates.path("ca.pem")]).await;
        let (mut caller, _connection) = http2(world.proxy.proxy).await;
        // The caller learns with the first frames from the proxy that it may ask.
        let mut answer = caller.send_request(ask(Some("websocket"))).await.unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()["sec-websocket-protocol"]),
            (StatusCode::OK, &"chat".parse().unwrap())
        );
        for name in ["sec-websocket-accept", "upgrade", "connection"] {
            assert!(!answer.headers().contains_key(name), "{name}");
        }
        let mut pipe = TokioIo::new(upgrade::on(&mut answer).await.unwrap());
        for text in ["ping", "again"] {
            pipe.write_all(text.as_bytes()).await.unwrap();
            let mut echoed = vec![0; text.len()];
            timeout(WAIT_LIMIT, pipe.read_exact(&mut echoed)).await.unwrap().unwrap();
            assert_eq!(echoed, text.as_bytes());
        }
        assert_eq!(crate::support::metric(&world.proxy, "http_server_active_requests").await, 1.0);
        pipe.shutdown().await.unwrap();
        assert_eq!(timeout(WAIT_LIMIT, pipe.read(&mut [0; 8])).await.unwrap().unwrap(), 0);
        timeout(WAIT_LIMIT, ends.recv()).await.unwrap().unwrap();
        let seen = world.upstream.only_request();
        assert_eq!((seen.method.clone(), seen.version), (Method::GET, Version::HTTP_11));
        assert_eq!(seen.uri.to_string(), "/chat?room=1");
        assert_eq!((seen.only("connection"), seen.only("upgrade")), (Some("upgrade"), Some("websocket")));
        assert_eq!(
            (seen.only("sec-websocket-version"), seen.only("sec-websocket-protocol")),
            (Some("13"), Some("chat"))
        );
        assert!(seen.token().starts_with("ey"));
    }
}

#[tokio::test]
async fn a_quiet_websocket_is_not_idle_and_its_connection_serves_others() {
    let (upstream, _ends) = echoing(None).await;
    let flags = ["--idle-timeout", "300ms", "--header-read-timeout", "300ms", "--upstream-timeout", "300ms"];
    let world = World::pinned(upstream, &flags).await;
    let (mut caller, _connection) = http2(world.proxy.proxy).await;
    let mut answer = caller.send_request(ask(Some("websocket"))).await.unwrap();
    let mut pipe = TokioIo::new(upgrade::on(&mut answer).await.unwrap());
    sleep(Duration::from_millis(1500)).await;
    pipe.write_all(b"ping").await.unwrap();
    timeout(WAIT_LIMIT, pipe.read_exact(&mut [0; 4])).await.unwrap().unwrap();
    let mut second = caller.send_request(ask(Some("websocket"))).await.unwrap();
    assert!(upgrade::on(&mut second).await.is_ok());
}

#[tokio::test]
async fn a_caller_that_resets_its_stream_ends_the_websocket_at_the_upstream() {
    let (upstream, mut ends) = echoing(None).await;
    let world = World::pinned(upstream, &[]).await;
    let (mut caller, connection) = http2(world.proxy.proxy).await;
    let mut answer = caller.send_request(ask(Some("websocket"))).await.unwrap();
    let pipe = upgrade::on(&mut answer).await.unwrap();
    drop((pipe, caller, connection));
    timeout(WAIT_LIMIT, ends.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_upstream_that_says_no_is_heard_and_one_that_says_neither_is_502() {
    let answers = [
        (StatusCode::FORBIDDEN, "", StatusCode::FORBIDDEN),
        // The caller would take this for a yes.
        (StatusCode::OK, "", StatusCode::BAD_GATEWAY),
        (StatusCode::SWITCHING_PROTOCOLS, "c29tZXRoaW5nIGVsc2UgZW50aXJl", StatusCode::BAD_GATEWAY),
    ];
    for (status, accept, expected) in answers {
        let upstream = Upstream::scripted(move |_| async move { reply(status, accept) }).await;
        let world = World::pinned(upstream, &[]).await;
        let (mut caller, _connection) = http2(world.proxy.proxy).await;
        let answer = Answer::read(caller.send_request(ask(Some("websocket"))).await.unwrap()).await;
        assert_eq!(answer.status, expected);
        let ours = (expected == StatusCode::BAD_GATEWAY).then_some("attache; error=http_upgrade_failed");
        assert_eq!(answer.header("proxy-status"), ours);
    }
}

#[tokio::test]
async fn policy_and_token_apply_as_to_any_request() {
    let (upstream, _ends) = echoing(None).await;
    let world = World::by_header(upstream, &["--allow-host", "api.example.com"]).await;
    let (mut caller, _connection) = http2(world.proxy.proxy).await;
    let mut request = ask(Some("websocket"));
    request.headers_mut().insert("x-upstream-host", world.upstream.authority().parse().unwrap());
    let answer = Answer::read(caller.send_request(request).await.unwrap()).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::FORBIDDEN, "upstream not allowed\n"));
    let missing = Answer::read(caller.send_request(ask(Some("websocket"))).await.unwrap()).await;
    assert_eq!(missing.status, StatusCode::BAD_REQUEST);
    assert_eq!((world.upstream.connections(), world.sts.mints()), (0, 0));
}

#[tokio::test]
async fn any_other_tunnel_is_405() {
    let world = World::start().await;
    let (mut caller, _connection) = http2(world.proxy.proxy).await;
    let first = caller.send_request(get("http://p/", &[])).await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    let plain = Request::connect("api.example.com:443").body(Body::default()).unwrap();
    for request in [ask(Some("connect-udp")), plain] {
        let answer = Answer::read(caller.send_request(request).await.unwrap()).await;
        assert_eq!(
            (answer.status, answer.text()),
            (StatusCode::METHOD_NOT_ALLOWED, "CONNECT is not supported\n")
        );
    }
    assert_eq!(world.upstream.seen().len(), 1);
}
