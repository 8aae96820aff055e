//! The end of the program: what is in flight is finished, and nothing is lost.
#![expect(clippy::unwrap_used, reason = "in a test a broken expectation is to end the test")]

mod support;

use http::StatusCode;
use std::sync::Arc;
use support::World;
use support::client::{Answer, Http1, get, http2, send};
use support::program::PATIENCE;
use support::upstream::{Upstream, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: proxy.local\r\n\r\n";

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

/// An upstream that answers only when told to.
async fn waiting() -> (Upstream, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let held = permits.clone();
    let upstream = Upstream::scripted(move |_| {
        let held = held.clone();
        async move {
            held.acquire().await.unwrap().forget();
            text("at last")
        }
    });
    (upstream.await, permits)
}

#[tokio::test]
async fn a_request_in_flight_is_answered_and_the_exit_is_clean() {
    for signal in ["TERM", "INT"] {
        let (upstream, permits) = waiting().await;
        let mut world = World::pinned(upstream, &[]).await;
        let address = world.proxy.proxy;
        let mut caller = JoinSet::new();
        caller.spawn(send(address, get("/", &[])));
        world.upstream.requests(1).await;
        world.proxy.signal(signal).await;
        world.proxy.logged(|line| line["msg"] == "draining").await;
        assert!(TcpStream::connect(address).await.is_err(), "no new connection is taken");
        permits.add_permits(1);
        assert_eq!(caller.join_next().await.unwrap().unwrap().text(), "at last");
        assert!(world.proxy.ended().await.success());
    }
}

#[tokio::test]
async fn an_http_2_request_in_flight_is_answered_too() {
    let (upstream, permits) = waiting().await;
    let mut world = World::pinned(upstream, &[]).await;
    let (mut sender, _connection) = http2(world.proxy.proxy).await;
    let response = sender.send_request(get("http://proxy.local/", &[]));
    world.upstream.requests(1).await;
    world.proxy.signal("TERM").await;
    world.proxy.logged(|line| line["msg"] == "draining").await;
    permits.add_permits(1);
    assert_eq!(Answer::read(response.await.unwrap()).await.text(), "at last");
    drop(sender);
    assert!(world.proxy.ended().await.success());
}

#[tokio::test]
async fn a_caller_that_has_just_connected_is_answered_and_sent_away() {
    let mut world = World::start().await;
    let mut early = TcpStream::connect(world.proxy.proxy).await.unwrap();
    // Connections are accepted in their order, so with this answer the other one has been accepted.
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    world.proxy.signal("TERM").await;
    world.proxy.logged(|line| line["msg"] == "draining").await;
    early.write_all(REQUEST).await.unwrap();
    let answer = read_to_end(&mut early).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    assert!(world.proxy.ended().await.success());
}

#[tokio::test]
async fn what_the_system_has_accepted_is_answered_too() {
    let mut world = World::start().await;
    world.proxy.signal("STOP").await;
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let mut caller = TcpStream::connect(world.proxy.proxy).await.unwrap();
        caller.write_all(REQUEST).await.unwrap();
        callers.spawn(async move { read_to_end(&mut caller).await });
    }
    world.proxy.signal("TERM").await;
    world.proxy.signal("CONT").await;
    while let Some(answer) = callers.join_next().await {
        let answer = answer.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert!(world.proxy.ended().await.success());
}

#[tokio::test]
async fn idle_connections_do_not_hold_the_end() {
    let mut world = World::start().await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::OK);
    let _silent = TcpStream::connect(world.proxy.proxy).await.unwrap();
    let began = tokio::time::Instant::now();
    world.proxy.signal("TERM").await;
    assert!(world.proxy.ended().await.success());
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_does_not_end_is_cut_off_in_time() {
    let (upstream, _permits) = waiting().await;
    let mut world = World::pinned(upstream, &["--shutdown-timeout", "300ms"]).await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    let request = caller.begin(get("/", &[]));
    let ended = async {
        world.upstream.requests(1).await;
        world.proxy.signal("TERM").await;
        world.proxy.ended().await
    };
    let (answer, status) = tokio::join!(request, ended);
    assert!(answer.is_err() && status.success());
}

#[tokio::test]
async fn readiness_falls_before_connections_are_refused() {
    let mut world = World::pinned(Upstream::echo().await, &["--shutdown-delay", "1s"]).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert_eq!(send(world.proxy.admin, get("/readyz", &[])).await.status, StatusCode::OK);
    world.proxy.signal("TERM").await;
    world.proxy.logged(|line| line["msg"] == "shutting down").await;
    let ready = send(world.proxy.admin, get("/readyz", &[])).await;
    assert_eq!((ready.status, ready.text()), (StatusCode::SERVICE_UNAVAILABLE, "waiting for: draining"));
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert!(world.proxy.ended().await.success());
}
