//! A caller that ends its half of the connection behind a whole request still waits for the response (RFC 9112, section
//! 9.6). Only the caller's own words, or the moment, tell it from a caller that has gone.

use crate::support::certificates::Certificates;
use crate::support::client::get;
use crate::support::program::WAIT_LIMIT;
use crate::support::upstream::{Upstream, text};
use crate::support::wire::{END, NO_HALF_CLOSE, Wire};
use crate::support::{World, metric};
use http_body_util::BodyExt;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

const LAST: &str = "GET / HTTP/1.1\r\nhost: p\r\nconnection: close\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\nhost: p\r\n\r\n";
const UPLOAD: &str = "POST / HTTP/1.1\r\nhost: p\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";

/// A request that another may follow.
const NEXT: &str = "GET / HTTP/1.1\r\nhost: p\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nhost: p\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
/// An upload of which a part is missing.
const HALF: &str = "POST / HTTP/1.1\r\nhost: p\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhel";

/// An upstream that answers when it is told to.
async fn waiting(flags: &[&str]) -> (World, Arc<Semaphore>) {
    let go = Arc::new(Semaphore::new(0));
    let told = go.clone();
    let upstream = Upstream::scripted(move |request| {
        let told = told.clone();
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            told.acquire().await.unwrap().forget();
            text(if body.is_empty() { "late".into() } else { body })
        }
    });
    (World::pinned(upstream.await, flags).await, go)
}

#[tokio::test]
async fn a_caller_that_half_closes_behind_its_last_request_gets_the_response() {
    for (request, body) in [(LAST, "late"), (OLD, "late"), (UPLOAD, "hello")] {
        let (world, go) = waiting(&[]).await;
        let mut caller = TcpStream::connect(world.proxy.proxy).await.unwrap();
        caller.write_all(request.as_bytes()).await.unwrap();
        world.upstream.requests(1).await;
        caller.shutdown().await.unwrap();
        // The end of the caller's half has come by the time that another request has been answered.
        crate::support::client::send(world.proxy.admin, get("/healthz", &[])).await;
        go.add_permits(1);
        let mut answer = String::new();
        timeout(WAIT_LIMIT, caller.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.contains(" 200 OK\r\n") && answer.ends_with(body), "{request}: {answer}");
    }
}

#[tokio::test]
async fn an_end_that_comes_with_the_request_is_a_half_close() {
    let wire = Wire::start(&[]).await;
    let mut caller = TcpStream::connect(wire.proxy.proxy).await.unwrap();
    // Both are there before the proxy can look: it is stopped meanwhile.
    wire.proxy.stop().await;
    caller.write_all(b"GET / HTTP/1.1\r\nhost: p\r\n\r\n").await.unwrap();
    caller.shutdown().await.unwrap();
    end_has_come(&caller).await;
    wire.proxy.signal("CONT");
    let mut upstream = wire.upstream().await;
    upstream.until(END).await;
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nlate\r\n").await;
    upstream.send("0\r\n\r\n").await;
    let mut answer = String::new();
    timeout(WAIT_LIMIT, caller.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("late"), "{answer}");
}

/// Resolves when the kernel has passed the end of the caller's half to the other side, which then is in CLOSE_WAIT.
async fn end_has_come(caller: &TcpStream) {
    const CLOSE_WAIT: &str = "08";
    let caller = format!(":{:04X}", caller.local_addr().unwrap().port());
    let is_there = |line: &str| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next().is_some_and(|remote| remote.ends_with(&caller)) && fields.next() == Some(CLOSE_WAIT)
    };
    while !std::fs::read_to_string("/proc/net/tcp").unwrap().lines().any(is_there) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn over_tls_the_same_is_said_by_close_notify() {
    let certificates = Certificates::new("half_close");
    let (cert, key) = (certificates.path("cert.pem"), certificates.path("key.pem"));
    let (world, go) = waiting(&["--tls-cert", &cert, "--tls-key", &key]).await;
    let stream = TcpStream::connect(world.proxy.proxy).await.unwrap();
    let mut caller =
        certificates.connector(&[]).connect("localhost".try_into().unwrap(), stream).await.unwrap();
    caller.write_all(LAST.as_bytes()).await.unwrap();
    world.upstream.requests(1).await;
    caller.shutdown().await.unwrap();
    go.add_permits(1);
    let mut answer = String::new();
    timeout(WAIT_LIMIT, caller.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("late"), "{answer}");
}

#[tokio::test]
async fn a_caller_that_could_still_ask_and_closes_has_gone() {
    let (world, _go) = waiting(&[]).await;
    let mut caller = TcpStream::connect(world.proxy.proxy).await.unwrap();
    caller.write_all(b"GET / HTTP/1.1\r\nhost: p\r\n\r\n").await.unwrap();
    world.upstream.requests(1).await;
    sleep(NO_HALF_CLOSE).await;
    caller.shutdown().await.unwrap();
    let finished = async {
        while metric(&world.proxy, "http_server_active_requests").await > 0.0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(WAIT_LIMIT, finished).await.unwrap();
}

#[tokio::test]
async fn nothing_behind_a_request_hides_that_its_caller_has_gone() {
    for behind in ["", "\r\n", "\n", "\r\n\r\n", NEXT, "GET /next HTTP/1.1\r\n", HALF] {
        for is_answered in [false, true] {
            let wire = Wire::start(&[]).await;
            let mut caller = wire.caller(&[NEXT, behind].concat()).await;
            let mut upstream = wire.upstream().await;
            upstream.until(END).await;
            if is_answered {
                upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ntick\r\n").await;
                caller.until("tick\r\n").await;
            }
            caller.leave().await;
            assert_eq!(upstream.rest().await, "", "{behind:?}, {is_answered}");
        }
    }
}

#[tokio::test]
async fn a_reset_shows_that_a_caller_has_gone_whose_end_is_not_read() {
    // More requests than are read ahead, and a half-close, behind which nothing is read.
    for (text, is_half_closed) in [(NEXT.repeat(6000), false), (LAST.to_owned(), true)] {
        let wire = Wire::start(&[]).await;
        let mut caller = TcpStream::connect(wire.proxy.proxy).await.unwrap();
        caller.write_all(text.as_bytes()).await.unwrap();
        let mut upstream = wire.upstream().await;
        upstream.until(END).await;
        if is_half_closed {
            caller.shutdown().await.unwrap();
            end_has_come(&caller).await;
        }
        caller.set_zero_linger().unwrap();
        drop(caller);
        assert_eq!(upstream.rest().await, "", "{is_half_closed}");
    }
}

#[tokio::test]
async fn requests_that_wait_are_answered_where_the_last_of_them_announces_the_end() {
    for behind in [LAST, OLD, &[NEXT, "\r\n", LAST].concat(), &[POST, LAST].concat(), UPLOAD] {
        let (world, go) = waiting(&[]).await;
        let mut caller = TcpStream::connect(world.proxy.proxy).await.unwrap();
        caller.write_all([NEXT, behind].concat().as_bytes()).await.unwrap();
        world.upstream.requests(1).await;
        caller.shutdown().await.unwrap();
        end_has_come(&caller).await;
        crate::support::client::send(world.proxy.admin, get("/healthz", &[])).await;
        go.add_permits(3);
        let mut answer = String::new();
        timeout(WAIT_LIMIT, caller.read_to_string(&mut answer)).await.unwrap().unwrap();
        let requests = 1 + behind.matches(" HTTP/1.").count();
        assert_eq!(answer.matches(" 200 OK\r\n").count(), requests, "{behind}: {answer}");
    }
}
