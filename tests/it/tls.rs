//! TLS on both sides of the proxy, and the protocol that it settles.

use crate::support::certificates::Certificates;
use crate::support::client::{Answer, Body, get, send};
use crate::support::upstream::{Upstream, echo};
use crate::support::{Sts, World};
use http::{Request, StatusCode, Version};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_upstream_that_offers_http_2_gets_it_and_one_connection_carries_all() {
    let certificates = Certificates::new("upstream-h2");
    let upstream = Upstream::start(Some(certificates.acceptor(&["h2", "http/1.1"])), echo).await;
    let world = World::pinned(upstream, &["--upstream-ca-cert", &certificates.path("ca.pem")]).await;
    for _ in 0..3 {
        assert_eq!(send(world.proxy.proxy, get("/a?b", &[("te", "trailers")])).await.status, StatusCode::OK);
    }
    let seen = world.upstream.seen().pop().unwrap();
    assert_eq!(seen.version, Version::HTTP_2);
    assert_eq!(seen.uri.to_string(), format!("https://{}/a?b", world.upstream.authority()));
    assert!(seen.token().starts_with("ey"));
    assert_eq!((seen.only("host"), seen.only("te")), (None, Some("trailers")));
    assert_eq!(world.upstream.connections(), 1);
}

#[tokio::test]
async fn an_upstream_without_http_2_gets_http_1() {
    let certificates = Certificates::new("upstream-h1");
    let upstream = Upstream::start(Some(certificates.acceptor(&[])), echo).await;
    let world = World::pinned(upstream, &["--upstream-ca-cert", &certificates.path("ca.pem")]).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert_eq!(world.upstream.only_request().version, Version::HTTP_11);
}

#[tokio::test]
async fn an_upstream_that_nobody_vouches_for_gets_no_token() {
    let certificates = Certificates::new("upstream-unknown");
    let upstream = Upstream::start(Some(certificates.acceptor(&["h2"])), echo).await;
    let other = Certificates::new("upstream-other");
    let world = World::pinned(upstream, &["--upstream-ca-cert", &other.path("ca.pem")]).await;
    let answer = send(world.proxy.proxy, get("/", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "upstream error\n"));
    assert_eq!(answer.header("proxy-status"), Some("attache; error=tls_certificate_error"));
    assert_eq!(world.upstream.seen().len(), 0);
}

#[tokio::test]
async fn callers_can_use_tls_with_either_protocol() {
    let certificates = Certificates::new("inbound");
    let (cert, key) = (certificates.path("cert.pem"), certificates.path("key.pem"));
    let world = World::pinned(Upstream::echo().await, &["--tls-cert", &cert, "--tls-key", &key]).await;
    let tls = async |protocols: &[&str]| {
        let stream = TcpStream::connect(world.proxy.proxy).await.unwrap();
        let name = "localhost".try_into().unwrap();
        certificates.connector(protocols).connect(name, stream).await.unwrap()
    };

    let stream = tls(&["h2"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let _task = crate::support::in_background(connection);
    let request = Request::get("https://localhost/").body(Body::default()).unwrap();
    assert_eq!(Answer::read(sender.send_request(request).await.unwrap()).await.text(), "hello");

    let stream = tls(&["http/1.1"]).await;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let _task = crate::support::in_background(connection);
    let answer = sender.send_request(get("/", &[])).await.unwrap();
    assert_eq!(Answer::read(answer).await.text(), "hello");
}

#[tokio::test]
async fn certificates_that_cannot_be_used_stop_the_start() {
    let (one, other) = (Certificates::new("broken-one"), Certificates::new("broken-other"));
    let sts = Sts::start().await;
    let missing = one.path("nothing-here.pem");
    let cases = [
        (["--tls-cert", &missing, "--tls-key", &one.path("key.pem")], "--tls-cert"),
        (["--tls-cert", &one.path("cert.pem"), "--tls-key", &one.path("cert.pem")], "--tls-key"),
        (["--tls-cert", &one.path("cert.pem"), "--tls-key", &other.path("key.pem")], "do not fit together"),
        (["--upstream-ca-cert", &one.path("key.pem"), "--log-level", "info"], "--upstream-ca-cert"),
    ];
    for (flags, expected) in cases {
        let mut command = crate::support::program::command(&sts.url);
        command.args(["--listen-addr", "127.0.0.1:0", "--metrics-enabled=false"]).args(flags);
        let output = command.output().await.unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}
