//! HTTP/2 upstreams that say that they have not looked at a request, which is then sent again, so that no caller gets an error.

use super::frames::Frames;
use crate::support::client::{Body, get, send};
use crate::support::program::Program;
use crate::support::{Sts, in_background, metric};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{join, join_all, ready};
use futures_util::stream::{once, pending};
use http::{Request, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::{Barrier, Semaphore};

async fn proxy(upstream: &Frames) -> (Sts, Program) {
    let sts = Sts::start().await;
    let host = upstream.address.to_string();
    let flags = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
    let proxy = Program::serve(&sts.url, &flags).await;
    (sts, proxy)
}

/// What becomes of this many requests at once.
async fn at_once(proxy: SocketAddr, count: usize, request: fn() -> Request<Body>) -> Vec<StatusCode> {
    join_all((0..count).map(async |_| send(proxy, request()).await.status)).await
}

fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post("/").header("host", "proxy.local").body(body.into()).unwrap()
}

#[tokio::test]
async fn requests_beyond_the_last_of_a_goaway_go_to_another_connection() {
    let upstream = Frames::scripted(|number, mut connection| async move {
        connection.greet(None).await?;
        if number == 0 {
            let first = connection.request().await?;
            connection.request().await?;
            connection.request().await?;
            connection.answer(first).await?;
            connection.go_away(first).await?;
        }
        loop {
            let stream = connection.request().await?;
            connection.answer(stream).await?;
        }
    });
    let upstream = upstream.await;
    let (_sts, proxy) = proxy(&upstream).await;
    // Not idempotent, and with a body: it is the upstream's word that makes it safe.
    assert_eq!(at_once(proxy.proxy, 3, || post("ping")).await, [StatusCode::OK; 3]);
    assert_eq!(upstream.connections(), 2);
    assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test]
async fn a_stream_that_is_refused_is_tried_on_another_connection() {
    let upstream = Frames::scripted(|number, mut connection| async move {
        connection.greet(None).await?;
        loop {
            let stream = connection.request().await?;
            match number {
                0 => connection.refuse(stream).await?,
                _ => connection.answer(stream).await?,
            }
        }
    });
    let upstream = upstream.await;
    let (_sts, proxy) = proxy(&upstream).await;
    assert_eq!(send(proxy.proxy, post("")).await.status, StatusCode::OK);
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test]
async fn an_upstream_that_refuses_every_stream_is_not_asked_for_ever() {
    let upstream = Frames::scripted(|_, mut connection| async move {
        connection.greet(None).await?;
        loop {
            let stream = connection.request().await?;
            connection.refuse(stream).await?;
        }
    });
    let upstream = upstream.await;
    let (_sts, proxy) = proxy(&upstream).await;
    let answer = send(proxy.proxy, get("/", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "upstream error\n"));
    assert_eq!(upstream.connections(), 5);
}

#[tokio::test]
async fn a_token_in_the_debug_data_of_a_goaway_is_shown_nowhere() {
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2EuZXhhbXBsZSJ9.c2lnbmF0dXJl";
    let upstream = Frames::scripted(|_, mut connection| async move {
        connection.greet(None).await?;
        connection.request().await?;
        connection.go_away_saying(format!("authorization: Bearer {TOKEN}").as_bytes()).await?;
        connection.request().await.map(|_| ())
    });
    let upstream = upstream.await;
    let (_sts, mut proxy) = proxy(&upstream).await;
    assert_eq!(send(proxy.proxy, post("ping")).await.status, StatusCode::BAD_GATEWAY);
    let line = proxy.logged(|line| line["msg"] == "upstream error").await;
    assert!(line["error"].as_str().unwrap().contains("authorization: Bearer ***"), "{line}");
    let status = send(proxy.admin, get("/status", &[])).await;
    for shown in [line.to_string(), status.text().to_owned()] {
        assert!(!shown.contains("c2lnbm") && !shown.contains("eyJhdW"), "{shown}");
    }
}

#[tokio::test]
async fn a_connection_on_which_no_more_is_allowed_gets_no_request() {
    let upstream = Frames::scripted(|number, mut connection| async move {
        connection.greet(Some(10)).await?;
        loop {
            let stream = connection.request().await?;
            if number == 0 {
                connection.allow(0).await?;
            }
            connection.answer(stream).await?;
        }
    });
    let upstream = upstream.await;
    let (_sts, proxy) = proxy(&upstream).await;
    for connections in [1, 2] {
        assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
        assert_eq!(upstream.connections(), connections);
    }
}

/// The upstream counts a stream until both sides have ended it (RFC 9113, section 5.1.2).
#[tokio::test]
async fn an_upload_that_goes_on_behind_its_response_is_a_stream_still() {
    let upstream = Frames::scripted(|_, mut connection| async move {
        connection.greet(Some(2)).await?;
        loop {
            let stream = connection.request().await?;
            connection.answer(stream).await?;
        }
    });
    let upstream = upstream.await;
    let (_sts, proxy) = proxy(&upstream).await;
    let stream = TokioIo::new(TcpStream::connect(proxy.proxy).await.unwrap());
    let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let _connection = in_background(connection);
    let endless = || {
        let parts = once(ready(Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"part")))));
        Request::post("http://proxy.local/").body(StreamBody::new(parts.chain(pending()))).unwrap()
    };
    for _ in 0..2 {
        assert_eq!(sender.clone().send_request(endless()).await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(upstream.connections(), 1);
    assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test]
async fn an_upstream_that_takes_one_request_at_a_time_gets_one_on_each_connection() {
    let together = Arc::new(Barrier::new(3));
    let upstream = Frames::scripted(move |_, mut connection| {
        let together = together.clone();
        async move {
            connection.greet(Some(1)).await?;
            let stream = connection.request().await?;
            // None is answered before all have come, so none may wait for another.
            together.wait().await;
            connection.answer(stream).await?;
            connection.request().await.map(|_| ())
        }
    });
    let upstream = upstream.await;
    let (_sts, proxy) = proxy(&upstream).await;
    assert_eq!(at_once(proxy.proxy, 3, || get("/", &[])).await, [StatusCode::OK; 3]);
    assert_eq!(upstream.connections(), 3);
}

/// The upstream takes one request on a connection. It greets its first connection when all requests wait for it, and its second
/// only when the third is there.
#[tokio::test]
async fn connections_to_an_upstream_that_takes_few_requests_on_one_are_opened_together() {
    let all_wait = Arc::new(Semaphore::new(0));
    let (greeted, asked) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(4)));
    let first = all_wait.clone();
    let upstream = Frames::scripted(move |number, mut connection| {
        let (first, greeted, asked) = (first.clone(), greeted.clone(), asked.clone());
        async move {
            match number {
                0 => first.acquire().await.unwrap().forget(),
                1 | 2 => {
                    greeted.wait().await;
                }
                _ => {}
            }
            connection.greet(Some(1)).await?;
            let stream = connection.request().await?;
            asked.wait().await;
            connection.answer(stream).await?;
            // A connection that is closed with something unread is reset, which may overtake the answer.
            connection.request().await.map(|_| ())
        }
    });
    let upstream = upstream.await;
    let (_sts, mut proxy) = proxy(&upstream).await;
    // Then no request waits for anything but a connection.
    proxy.logged(|line| line["msg"] == "token obtained").await;
    let let_go = async {
        while metric(&proxy, "http_server_active_requests").await < 4.0 {
            tokio::task::yield_now().await;
        }
        send(proxy.admin, get("/healthz", &[])).await;
        all_wait.add_permits(1);
    };
    let (answers, ()) = join(at_once(proxy.proxy, 4, || get("/", &[])), let_go).await;
    assert_eq!(answers, [StatusCode::OK; 4]);
    assert_eq!(upstream.connections(), 4);
}
