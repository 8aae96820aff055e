//! Which connections carry requests: few where one can carry many, and none that is dead.

use crate::support::certificates::Certificates;
use crate::support::client::{Body, Http1, get, send};
use crate::support::program::Program;
use crate::support::upstream::{Upstream, echo};
use crate::support::{Sts, World, detached, spawn};
use futures_util::future::join_all;
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Barrier;

/// The statuses of this many first requests at once.
async fn at_once(world: &World, count: usize) -> Vec<StatusCode> {
    let begin = Barrier::new(count);
    let requests = (0..count).map(async |_| {
        let mut caller = Http1::connect(world.proxy.proxy).await;
        begin.wait().await;
        caller.send(get("/", &[])).await.status
    });
    join_all(requests).await
}

#[tokio::test]
async fn a_hundred_first_requests_share_one_connection_where_they_can() {
    let certificates = Certificates::new("first-h2");
    let upstream = Upstream::start(Some(certificates.acceptor(&["h2", "http/1.1"])), echo).await;
    let world = World::pinned(upstream, &["--upstream-ca-cert", &certificates.path("ca.pem")]).await;
    assert_eq!(at_once(&world, 100).await, [StatusCode::OK; 100]);
    assert_eq!(world.upstream.connections(), 1);
}

#[tokio::test]
async fn a_hundred_first_requests_are_served_where_they_cannot_share() {
    let certificates = Certificates::new("first-h1");
    let upstream = Upstream::start(Some(certificates.acceptor(&["http/1.1"])), echo).await;
    let world = World::pinned(upstream, &["--upstream-ca-cert", &certificates.path("ca.pem")]).await;
    assert_eq!(at_once(&world, 100).await, [StatusCode::OK; 100]);
}

#[tokio::test]
async fn those_who_waited_for_a_connection_that_failed_are_told_together() {
    let certificates = Certificates::new("first-unknown");
    let upstream = Upstream::start(Some(certificates.acceptor(&["h2"])), echo).await;
    let world = World::pinned(upstream, &[]).await;
    assert_eq!(at_once(&world, 20).await, [StatusCode::BAD_GATEWAY; 20]);
    assert_eq!(world.upstream.seen().len(), 0);
}

#[tokio::test]
async fn an_upstream_that_closes_after_every_answer_costs_none_of_a_thousand_requests() {
    let upstream = Upstream::scripted(|request| async {
        let mut reply = echo(request).await;
        reply.headers_mut().insert("connection", "close".parse().unwrap());
        reply
    });
    let world = World::pinned(upstream.await, &["--log-level", "info"]).await;
    let callers = (0..10).map(async |_| {
        let mut caller = Http1::connect(world.proxy.proxy).await;
        for _ in 0..100 {
            assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::OK);
        }
    });
    join_all(callers).await;
    assert_eq!(world.upstream.seen().len(), 1000);
}

#[tokio::test]
async fn a_kept_connection_that_breaks_under_an_idempotent_request_is_nobodys_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // Answers the first request of each connection, and hangs up on the second when it has read it.
    let _upstream = spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            detached(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                let _ = stream.read(&mut [0; 4096]).await;
            });
        }
    });
    let sts = Sts::start().await;
    let flags = ["--upstream-host", &address, "--upstream-scheme", "http"];
    let proxy = Program::serve(&sts.url, &flags).await;
    for _ in 0..3 {
        assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    }
    // Whether the first one happened, nobody knows, so it is not sent twice.
    let post = Request::post("/").header("host", "p").body(Body::default()).unwrap();
    assert_eq!(send(proxy.proxy, post).await.status, StatusCode::BAD_GATEWAY);
}
