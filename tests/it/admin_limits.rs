//! The second listener has bounds of its own: on time, on connections, and on what it takes for a request.

use crate::support::client::{get, raw, send};
use crate::support::program::WAIT_LIMIT;
use crate::support::upstream::Upstream;
use crate::support::wire::{END, Line};
use crate::support::{Sts, World};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn closed(mut stream: TcpStream) {
    let _ = timeout(WAIT_LIMIT, stream.read_to_end(&mut Vec::new())).await.unwrap();
}

#[tokio::test]
async fn a_header_that_is_not_ended_and_a_connection_without_requests_are_closed() {
    let flags = ["--header-read-timeout", "300ms", "--idle-timeout", "600ms"];
    let world = World::pinned(Upstream::echo().await, &flags).await;
    for part in ["GET /he", "", "GET /healthz HTTP/1.1\r\nhost: p\r\n\r\n"] {
        let mut stream = TcpStream::connect(world.proxy.admin).await.unwrap();
        stream.write_all(part.as_bytes()).await.unwrap();
        closed(stream).await;
    }
}

#[tokio::test]
async fn one_connection_too_many_closes_the_oldest() {
    let world = World::start().await;
    let mut held = Vec::new();
    for _ in 0..65 {
        held.push(TcpStream::connect(world.proxy.admin).await.unwrap());
    }
    closed(held.remove(0)).await;
    // The youngest is served, and so is another.
    let mut youngest = Line::over(held.pop().unwrap());
    youngest.send("GET /healthz HTTP/1.1\r\nhost: p\r\n\r\n").await;
    assert!(youngest.until(END).await.starts_with("HTTP/1.1 200"));
    assert_eq!(send(world.proxy.admin, get("/healthz", &[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_that_two_readers_may_read_differently_is_refused() {
    let sts = Sts::start().await;
    let world = World::pinned_with(sts, Upstream::echo().await, &[]).await;
    for fields in [
        "",
        "host: a\r\nhost: b\r\n",
        "host: a\r\ntransfer-encoding: chunked, chunked\r\n",
        "host: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
    ] {
        let request = format!("GET /healthz HTTP/1.1\r\nconnection: close\r\n{fields}\r\n0\r\n\r\n");
        let answer = raw(world.proxy.admin, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{fields:?}: {answer}");
    }
    // An old client names no host.
    let answer = raw(world.proxy.admin, b"GET /healthz HTTP/1.0\r\n\r\n").await;
    assert!(answer.contains(" 200 OK"), "{answer}");
}
