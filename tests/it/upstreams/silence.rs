//! Connections that have died without a word (a node lost, a NAT entry forgotten: hyperium/hyper#4186): one request finds
//! out, and those that follow get connections of their own.

use super::frames::Frames;
use crate::support::Sts;
use crate::support::client::{get, send};
use crate::support::program::Program;
use crate::support::wire::{END, Line, Wire};
use http::StatusCode;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const ASK: &str = "GET / HTTP/1.1\r\nhost: proxy.local\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
/// A caller that waits so long and hangs up has reason to.
const LONG: Duration = Duration::from_millis(1100);
/// A caller that hangs up so soon may have had enough.
const SHORT: Duration = Duration::from_millis(400);

/// An HTTP/2 upstream whose first connection is silent after its first answer, and a proxy that has got it.
async fn silent_after_one_answer(flags: &[&str]) -> (Frames, Sts, Program) {
    let upstream = Frames::scripted(|number, mut connection| async move {
        connection.greet(None).await?;
        loop {
            let stream = connection.request().await?;
            connection.answer(stream).await?;
            if number == 0 {
                std::future::pending::<()>().await;
            }
        }
    });
    let upstream = upstream.await;
    let (sts, host) = (Sts::start().await, upstream.address.to_string());
    let http2 = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
    let proxy = Program::serve(&sts.url, &[&http2, flags].concat()).await;
    assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    (upstream, sts, proxy)
}

/// An HTTP/1.1 upstream that has answered on three connections, which the proxy keeps.
async fn three_kept(flags: &[&str]) -> (Wire, Vec<Line>) {
    let wire = Wire::start(flags).await;
    let mut callers = Vec::new();
    let mut lines = Vec::new();
    for _ in 0..3 {
        callers.push(wire.caller(ASK).await);
        let mut line = wire.upstream().await;
        line.until(END).await;
        lines.push(line);
    }
    for line in &mut lines {
        line.send(OK).await;
    }
    for mut caller in callers {
        caller.until("\r\n\r\nok").await;
    }
    (wire, lines)
}

/// Asks, and answers on a connection that is new.
async fn a_new_connection_serves(wire: &Wire) {
    let mut caller = wire.caller(ASK).await;
    let mut fresh = wire.upstream().await;
    fresh.until(END).await;
    fresh.send(OK).await;
    assert!(caller.until("\r\n\r\nok").await.starts_with("HTTP/1.1 200"));
}

/// Asks and hangs up, as a caller with less patience than `--upstream-timeout`.
async fn hang_up_late(proxy: &mut Program) {
    let mut caller = Line::to(proxy.proxy).await;
    caller.send(ASK).await;
    sleep(LONG).await;
    drop(caller);
    proxy.logged(|line| line["status"] == 499).await;
}

#[tokio::test]
async fn a_silent_http_2_connection_costs_one_timeout() {
    let (upstream, _sts, proxy) = silent_after_one_answer(&["--upstream-timeout", "500ms"]).await;
    assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test]
async fn a_silent_http_2_connection_is_left_when_its_caller_gives_up() {
    let (upstream, _sts, mut proxy) = silent_after_one_answer(&[]).await;
    hang_up_late(&mut proxy).await;
    assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert_eq!(upstream.connections(), 2);
}

/// Asks as callers do that wait for less than a second, until there is an answer. The number of those that got none.
async fn impatient_callers(proxy: &Program) -> usize {
    let mut without_answer = 0;
    while timeout(SHORT, send(proxy.proxy, get("/", &[]))).await.is_err() {
        without_answer += 1;
        assert!(without_answer < 10, "no caller gets an answer");
    }
    without_answer
}

#[tokio::test]
async fn a_silent_http_2_connection_is_left_when_impatient_callers_give_up_one_after_the_other() {
    let (_upstream, _sts, proxy) = silent_after_one_answer(&[]).await;
    assert!(impatient_callers(&proxy).await > 1);
}

#[tokio::test]
async fn impatient_callers_leave_a_connection_that_brings_others_in_use() {
    let upstream = Frames::scripted(|_, mut connection| async move {
        connection.greet(None).await?;
        // Each second request stays without an answer.
        loop {
            connection.request().await?;
            let stream = connection.request().await?;
            connection.answer(stream).await?;
        }
    });
    let upstream = upstream.await;
    let (sts, host) = (Sts::start().await, upstream.address.to_string());
    let http2 = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
    let proxy = Program::serve(&sts.url, &http2).await;
    for _ in 0..6 {
        assert!(timeout(SHORT, send(proxy.proxy, get("/", &[]))).await.is_err());
        assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn of_many_kept_connections_that_are_silent_one_costs_a_timeout() {
    let (wire, _lines) = three_kept(&["--upstream-timeout", "500ms"]).await;
    let mut caller = wire.caller(ASK).await;
    assert!(caller.until("upstream timeout").await.starts_with("HTTP/1.1 504"));
    a_new_connection_serves(&wire).await;
}

#[tokio::test]
async fn kept_connections_that_are_silent_are_left_when_a_caller_gives_up() {
    let (mut wire, _lines) = three_kept(&[]).await;
    hang_up_late(&mut wire.proxy).await;
    a_new_connection_serves(&wire).await;
}

#[tokio::test]
async fn a_slow_answer_leaves_a_connection_that_brings_others_in_use() {
    let upstream = Frames::scripted(|_, mut connection| async move {
        connection.greet(None).await?;
        connection.request().await?;
        // The first stays without an answer, and each later one gets its own.
        loop {
            let stream = connection.request().await?;
            connection.answer(stream).await?;
        }
    });
    let upstream = upstream.await;
    let (sts, host) = (Sts::start().await, upstream.address.to_string());
    let http2 = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
    let proxy = Program::serve(&sts.url, &[&http2[..], &["--upstream-timeout", "2s"]].concat()).await;
    let slow = send(proxy.proxy, get("/", &[]));
    let others = async {
        sleep(Duration::from_millis(500)).await;
        assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    };
    let (slow, ()) = tokio::join!(slow, others);
    assert_eq!(slow.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert_eq!(upstream.connections(), 1);
}
