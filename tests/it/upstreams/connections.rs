//! Which connections carry requests: few where one can carry many, and none that is dead.

use super::frames::Frames;
use crate::support::certificates::Certificates;
use crate::support::client::{Http1, get, send};
use crate::support::program::Program;
use crate::support::upstream::{Upstream, echo};
use crate::support::{Sts, World};
use futures_util::future::join_all;
use http::StatusCode;
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
async fn a_large_header_goes_on_a_connection_of_its_own() {
    let upstream = Frames::scripted(|_, mut connection| async move {
        connection.greet(None).await?;
        loop {
            let stream = connection.request().await?;
            connection.answer(stream).await?;
        }
    });
    let upstream = upstream.await;
    let (sts, host) = (Sts::start().await, upstream.address.to_string());
    let flags = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
    let proxy = Program::serve(&sts.url, &flags).await;
    let (large, path) = ("a".repeat(16 << 10), format!("/{}", "a".repeat(16 << 10)));
    for (request, connections) in [
        (get("/", &[]), 1),
        (get("/", &[("x-large", &large)]), 2),
        (get("/", &[]), 2),
        (get(&path, &[]), 3),
        (get("/", &[]), 3),
    ] {
        assert_eq!(send(proxy.proxy, request).await.status, StatusCode::OK);
        assert_eq!(upstream.connections(), connections);
    }
}
