//! The end of the program: what is in flight is finished, and nothing is lost.

mod http2;

use crate::support::client::{Answer, Http1, get, http2, send};
use crate::support::program::{Program, WAIT_LIMIT, command};
use crate::support::upstream::{Upstream, text};
use crate::support::websocket::{ask, echoing};
use crate::support::{Sts, World};
use attache::tasks::Owned;
use http::StatusCode;
use hyper::upgrade::{self, Upgraded};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: proxy.local\r\n\r\n";

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    timeout(WAIT_LIMIT, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
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
        world.proxy.signal(signal);
        world.proxy.logged(|line| line["msg"] == "draining").await;
        assert!(TcpStream::connect(address).await.is_err(), "no new connection is taken");
        permits.add_permits(1);
        assert_eq!(caller.join_next().await.unwrap().unwrap().text(), "at last");
        assert!(world.proxy.ended().await.success());
    }
}

#[tokio::test]
async fn callers_that_keep_their_connection_learn_from_the_answer_in_flight_that_it_ends() {
    let (upstream, permits) = waiting().await;
    let mut world = World::pinned(upstream, &[]).await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    let answer = caller.begin(get("/", &[]));
    let drain = async {
        world.upstream.requests(1).await;
        world.proxy.signal("TERM");
        world.proxy.logged(|line| line["msg"] == "draining").await;
        permits.add_permits(1);
    };
    let (answer, ()) = tokio::join!(answer, drain);
    let answer = Answer::read(answer.unwrap()).await;
    assert_eq!((answer.text(), answer.header("connection")), ("at last", Some("close")));
    assert!(world.proxy.ended().await.success());
}

/// A WebSocket over each version of HTTP, to an upstream that echoes.
async fn websockets(flags: &[&str]) -> (World, [TokioIo<Upgraded>; 2], Owned) {
    let world = World::pinned(echoing(None).await.0, flags).await;
    let wish = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", "dGVzdA==")];
    let mut old = Http1::connect(world.proxy.proxy).await.begin(get("/", &wish)).await.unwrap();
    let (mut sender, connection) = http2(world.proxy.proxy).await;
    let mut new = sender.send_request(ask(Some("websocket"))).await.unwrap();
    let pipes = [upgrade::on(&mut old).await.unwrap(), upgrade::on(&mut new).await.unwrap()];
    (world, pipes.map(TokioIo::new), connection)
}

#[tokio::test]
async fn websockets_of_either_version_go_on_until_they_end() {
    let (mut world, mut pipes, _connection) = websockets(&[]).await;
    world.proxy.signal("TERM");
    world.proxy.logged(|line| line["msg"] == "draining").await;
    for pipe in &mut pipes {
        pipe.write_all(b"ping").await.unwrap();
        let mut echoed = [0; 4];
        timeout(WAIT_LIMIT, pipe.read_exact(&mut echoed)).await.unwrap().unwrap();
        assert_eq!(&echoed, b"ping");
    }
    drop(pipes);
    assert!(world.proxy.ended().await.success());
    assert!(world.proxy.log().iter().all(|line| line["level"] != "WARN"), "{:?}", world.proxy.log());
}

#[tokio::test]
async fn websockets_that_do_not_end_are_cut_off_in_time() {
    let (mut world, pipes, _connection) = websockets(&["--shutdown-timeout", "300ms"]).await;
    world.proxy.signal("TERM");
    let cut_off = world.proxy.logged(|line| line["code"] == "shutdown_cut_off").await;
    assert_eq!(cut_off["level"], "WARN");
    assert!(world.proxy.ended().await.success());
    drop(pipes);
}

#[tokio::test]
async fn a_caller_that_has_just_connected_is_answered_and_sent_away() {
    let mut world = World::start().await;
    let mut early = TcpStream::connect(world.proxy.proxy).await.unwrap();
    // Connections are accepted in their order, so with this answer the other one has been accepted.
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    world.proxy.signal("TERM");
    world.proxy.logged(|line| line["msg"] == "draining").await;
    early.write_all(GET).await.unwrap();
    let answer = read_to_end(&mut early).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("Connection: close"), "{answer}");
    assert!(world.proxy.ended().await.success());
}

/// Sends another request on this connection and checks that its answer is the last.
async fn one_more(caller: &mut TcpStream) {
    caller.write_all(GET).await.unwrap();
    let answer = read_to_end(caller).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("Connection: close"), "{answer}");
}

async fn read_until(stream: &mut TcpStream, end: &str) {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        text.push(timeout(WAIT_LIMIT, stream.read_u8()).await.unwrap().unwrap());
    }
}

#[tokio::test]
async fn a_request_that_crosses_the_end_of_its_kept_connection_is_answered() {
    let mut world = World::start().await;
    let mut caller = TcpStream::connect(world.proxy.proxy).await.unwrap();
    caller.write_all(GET).await.unwrap();
    read_until(&mut caller, "hello").await;
    world.proxy.signal("TERM");
    world.proxy.logged(|line| line["msg"] == "draining").await;
    one_more(&mut caller).await;
    assert!(world.proxy.ended().await.success());
}

#[tokio::test]
async fn so_is_one_behind_a_response_that_could_not_say_it_was_the_last() {
    let sts = Sts::start().await;
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = upstream.local_addr().unwrap().to_string();
    let flags = ["--upstream-host", &address, "--upstream-scheme", "http"];
    let mut proxy = Program::serve(&sts.url, &flags).await;
    let mut caller = TcpStream::connect(proxy.proxy).await.unwrap();
    caller.write_all(GET).await.unwrap();
    let (mut upstream, _) = upstream.accept().await.unwrap();
    read_until(&mut upstream, "\r\n\r\n").await;
    upstream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na").await.unwrap();
    read_until(&mut caller, "\r\n\r\na").await;
    proxy.signal("TERM");
    proxy.logged(|line| line["msg"] == "draining").await;
    upstream.write_all(b"b").await.unwrap();
    read_until(&mut caller, "b").await;
    let answered = async {
        read_until(&mut upstream, "\r\n\r\n").await;
        upstream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    };
    tokio::join!(one_more(&mut caller), answered);
    assert!(proxy.ended().await.success());
}

#[tokio::test]
async fn what_the_system_has_accepted_is_answered_too() {
    let mut world = World::start().await;
    world.proxy.stop().await;
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let mut caller = TcpStream::connect(world.proxy.proxy).await.unwrap();
        caller.write_all(GET).await.unwrap();
        callers.spawn(async move { read_to_end(&mut caller).await });
    }
    world.proxy.signal("TERM");
    world.proxy.signal("CONT");
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
    world.proxy.signal("TERM");
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
        world.proxy.signal("TERM");
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
    world.proxy.signal("TERM");
    world.proxy.logged(|line| line["msg"] == "shutting down").await;
    let ready = send(world.proxy.admin, get("/readyz", &[])).await;
    assert_eq!((ready.status, ready.text()), (StatusCode::SERVICE_UNAVAILABLE, "waiting for: draining\n"));
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert!(world.proxy.ended().await.success());
}

#[tokio::test]
async fn a_collector_that_never_answers_does_not_hold_the_end() {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let collector = Upstream::scripted(|_| std::future::pending()).await;
    let mut command = command(&sts.url);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.address));
    // Far beyond a test's patience.
    command.env("OTEL_EXPORTER_OTLP_TIMEOUT", "600000");
    let host = upstream.authority();
    let mut proxy = Program::start(command, &["--upstream-scheme", "http", "--upstream-host", &host]).await;
    assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    proxy.signal("TERM");
    collector.requests(1).await;
    assert!(proxy.ended().await.success());
}
