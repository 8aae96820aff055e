//! `--upstream-protocol`.

use super::frames::Frames;
use crate::support::certificates::Certificates;
use crate::support::client::{Answer, Body, Http1, get, http2, send};
use crate::support::program::Program;
use crate::support::upstream::{Upstream, echo};
use crate::support::{Sts, World};
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn over_tls(test: &str, offered: &[&str], protocol: &str) -> (Certificates, World) {
    let certificates = Certificates::new(test);
    let upstream = Upstream::start(Some(certificates.acceptor(offered)), echo).await;
    let flags = ["--upstream-ca-cert", &certificates.path("ca.pem"), "--upstream-protocol", protocol];
    let world = World::pinned(upstream, &flags).await;
    (certificates, world)
}

#[tokio::test]
async fn http1_is_spoken_to_an_upstream_that_would_rather_have_http_2() {
    let (_certificates, world) = over_tls("protocol-http1", &["h2", "http/1.1"], "http1").await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert_eq!(world.upstream.only_request().version, Version::HTTP_11);
}

#[tokio::test]
async fn http2_is_spoken_over_tls() {
    let (_certificates, world) = over_tls("protocol-http2", &["http/1.1", "h2"], "http2").await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert_eq!(world.upstream.only_request().version, Version::HTTP_2);
}

#[tokio::test]
async fn an_upstream_without_http_2_is_told_from_a_broken_one_and_sees_no_token() {
    for (test, offered) in [("protocol-alert", &["http/1.1"][..]), ("protocol-silent", &[])] {
        let (_certificates, mut world) = over_tls(test, offered, "http2").await;
        let answer = send(world.proxy.proxy, get("/", &[])).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "upstream error\n"));
        assert_eq!(answer.header("proxy-status"), Some("attache; error=http_protocol_error"));
        let line = world.proxy.logged(|line| line["code"] == "upstream_protocol").await;
        assert_eq!(line["error"], "the upstream does not speak HTTP/2");
        assert_eq!(world.upstream.seen().len(), 0);
    }
}

#[tokio::test]
async fn http2_without_tls_is_by_prior_knowledge_and_carries_bodies_and_trailers() {
    let world = World::pinned(Upstream::echo().await, &["--upstream-protocol", "http2"]).await;
    let (mut sender, _task) = http2(world.proxy.proxy).await;
    for _ in 0..3 {
        let request = Request::post("http://p/a?b").body(Body::from("ping")).unwrap();
        let answer = Answer::read(sender.send_request(request).await.unwrap()).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "ping"));
    }
    let seen = world.upstream.seen().pop().unwrap();
    assert_eq!(seen.version, Version::HTTP_2);
    assert_eq!(seen.uri.to_string(), format!("http://{}/a?b", world.upstream.authority()));
    assert_eq!(world.upstream.connections(), 1);
}

#[tokio::test]
async fn thousands_of_tiny_frames_at_once_do_not_end_an_http_2_connection() {
    let upstream = Upstream::scripted(|_| async {
        let frames = stream::iter((0..5000).map(|_| Ok(Frame::data(Bytes::from_static(b"x")))));
        Response::new(StreamBody::new(frames).boxed())
    });
    let world = World::pinned(upstream.await, &["--upstream-protocol", "http2"]).await;
    for _ in 0..5 {
        let answer = send(world.proxy.proxy, get("/", &[])).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 5000));
    }
    assert_eq!(world.upstream.connections(), 1);
}

#[tokio::test]
async fn responses_with_empty_data_frames_do_not_end_an_http_2_connection() {
    let upstream = Frames::scripted(|_, mut connection| async move {
        connection.greet(None).await?;
        loop {
            let stream = connection.request().await?;
            connection.answer_in(stream, &[b"a", b"", b"", b"b", b""]).await?;
        }
    });
    let upstream = upstream.await;
    let (sts, host) = (Sts::start().await, upstream.address.to_string());
    let flags = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
    let proxy = Program::serve(&sts.url, &flags).await;
    for _ in 0..150 {
        assert_eq!(send(proxy.proxy, get("/", &[])).await.text(), "ab");
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn a_plain_upstream_that_knows_no_http_2_gets_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (telling, mut told) = tokio::sync::mpsc::unbounded_channel();
    let _task = crate::support::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await.unwrap();
            stream.shutdown().await.unwrap();
            let mut heard = Vec::new();
            let _ = stream.read_to_end(&mut heard).await;
            telling.send(heard).unwrap();
        }
    });
    let sts = crate::support::Sts::start().await;
    let flags = ["--upstream-host", &address, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
    let proxy = crate::support::program::Program::serve(&sts.url, &flags).await;
    let answer = send(proxy.proxy, get("/", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "upstream error\n"));
    assert_eq!(answer.header("proxy-status"), Some("attache; error=http_protocol_error"));
    let heard = told.recv().await.unwrap();
    assert!(heard.starts_with(b"PRI * HTTP/2.0"), "{}", String::from_utf8_lossy(&heard));
    assert!(heard.len() < 200, "a request came with the preface: {} bytes", heard.len());
}

#[tokio::test]
async fn a_wish_to_switch_goes_unheard_where_only_http_2_is_spoken() {
    let world = World::pinned(Upstream::echo().await, &["--upstream-protocol", "http2"]).await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    let wish = [("connection", "upgrade"), ("upgrade", "websocket")];
    assert_eq!(caller.send(get("/", &wish)).await.status, StatusCode::OK);
    let seen = world.upstream.only_request();
    assert_eq!((seen.version, seen.only("upgrade"), seen.only("connection")), (Version::HTTP_2, None, None));
}
