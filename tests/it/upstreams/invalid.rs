//! HTTP/2 upstreams whose responses are invalid or break off. The HTTP/2 library ends a connection because of one invalid
//! field, with all requests that are on it.

use super::frames::Frames;
use crate::support::client::{Body, get, send};
use crate::support::program::Program;
use crate::support::{Sts, spawn};
use futures_util::future::join_all;
use http::{Request, StatusCode};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// `:status: 200`, and a field `x` that has a control character.
const INVALID: &[u8] = b"\x88\0\x01x\x01\x01";

async fn proxy(upstream: SocketAddr, protocol: &str) -> (Sts, Program) {
    let (sts, host) = (Sts::start().await, upstream.to_string());
    let flags = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", protocol];
    let proxy = Program::serve(&sts.url, &flags).await;
    (sts, proxy)
}

#[tokio::test]
async fn an_invalid_response_costs_no_other_request_its_own() {
    let upstream = Frames::scripted(|number, mut connection| async move {
        connection.greet(None).await?;
        if number == 0 {
            connection.request().await?;
            connection.request().await?;
            let third = connection.request().await?;
            connection.answer_with(third, INVALID).await?;
        }
        loop {
            let stream = connection.request().await?;
            connection.answer(stream).await?;
        }
    });
    let upstream = upstream.await;
    let (_sts, mut proxy) = proxy(upstream.address, "http2").await;
    let statuses = join_all((0..3).map(async |_| send(proxy.proxy, get("/", &[])).await.status));
    assert_eq!(statuses.await, [StatusCode::OK; 3]);
    assert_eq!(upstream.connections(), 4, "each is sent again on a connection of its own");
    let line = proxy.logged(|line| line["code"] == "upstream_answer_invalid").await;
    assert_eq!(line["msg"], "upstream error");
    assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert_eq!(upstream.connections(), 5, "connections of one request are not kept");
}

#[tokio::test]
async fn an_invalid_response_is_asked_for_twice_at_most_and_never_where_that_may_do_harm() {
    let upstream = Frames::scripted(|_, mut connection| async move {
        connection.greet(None).await?;
        let stream = connection.request().await?;
        connection.answer_with(stream, INVALID).await?;
        connection.request().await.map(|_| ())
    });
    let upstream = upstream.await;
    let (_sts, proxy) = proxy(upstream.address, "http2").await;
    for (method, connections) in [("GET", 2), ("POST", 3)] {
        let request = Request::builder().method(method).uri("/").header("host", "proxy.local");
        let answer = send(proxy.proxy, request.body(Body::default()).unwrap()).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "upstream error\n"));
        assert_eq!(answer.header("proxy-status"), Some("attache; error=http_protocol_error"));
        assert_eq!(upstream.connections(), connections, "{method}");
    }
}

#[tokio::test]
async fn a_response_with_a_field_name_that_is_no_token_reaches_no_caller() {
    let upstream = Frames::scripted(|_, mut connection| async move {
        connection.greet(None).await?;
        loop {
            let stream = connection.request().await?;
            // `:status: 200`, and a field `"x"`.
            connection.answer_with(stream, b"\x88\0\x03\"x\"\x01y").await?;
        }
    });
    let upstream = upstream.await;
    let (_sts, proxy) = proxy(upstream.address, "http2").await;
    let answer = send(proxy.proxy, get("/", &[])).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.header("proxy-status"), Some("attache; error=http_protocol_error"));
}

#[tokio::test]
async fn an_http_2_response_that_breaks_off_with_its_header_is_another() {
    let upstream = Frames::scripted(|_, mut connection| async move {
        connection.greet(None).await?;
        let stream = connection.request().await?;
        connection.break_off(stream).await
    });
    let upstream = upstream.await;
    let (_sts, proxy) = proxy(upstream.address, "http2").await;
    let answer = send(proxy.proxy, get("/", &[])).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.header("proxy-status"), Some("attache; error=http_response_incomplete"));
}

#[tokio::test]
async fn a_response_that_breaks_off_with_its_header_is_another() {
    for text in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (_sts, proxy) = proxy(listener.local_addr().unwrap(), "http1").await;
        let _upstream = spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 65536]).await.unwrap();
            // So that the end comes in the same segment.
            rustix::net::sockopt::set_tcp_cork(&stream, true).unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
        });
        let answer = send(proxy.proxy, get("/", &[])).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{text}");
        assert_eq!(answer.header("proxy-status"), Some("attache; error=http_response_incomplete"));
    }
}
