//! Connections to upstreams are used again, and one that has died in the meantime costs no caller an error.

use crate::support::certificates::Certificates;
use crate::support::client::{Body, Http1, get};
use crate::support::program::Program;
use crate::support::upstream::{Upstream, echo, text};
use crate::support::{Sts, World, spawn};
use http::{Method, Request, StatusCode};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;

#[tokio::test]
async fn connections_to_the_upstream_are_used_again() {
    let world = World::start().await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    for _ in 0..20 {
        assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::OK);
    }
    assert_eq!(world.upstream.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_its_upstream_is_about_to_close_gets_no_request() {
    for (stated, connections) in [("timeout=1", 5), ("timeout=60, max=0", 5), ("timeout=60, max=9", 1)] {
        let upstream = Upstream::scripted(move |request| async move {
            let mut reply = echo(request).await;
            reply.headers_mut().insert("keep-alive", stated.parse().unwrap());
            reply
        });
        let world = World::pinned(upstream.await, &[]).await;
        let mut caller = Http1::connect(world.proxy.proxy).await;
        for _ in 0..5 {
            assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::OK);
        }
        assert_eq!(world.upstream.connections(), connections, "{stated}");
    }
}

#[tokio::test]
async fn an_upstream_that_closes_after_every_answer_costs_nobody_an_error() {
    let upstream = Upstream::scripted(|request| async {
        let mut reply = echo(request).await;
        reply.headers_mut().insert("connection", "close".parse().unwrap());
        reply
    });
    let world = World::pinned(upstream.await, &[]).await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    for _ in 0..1000 {
        assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::OK);
    }
    assert_eq!(world.upstream.connections(), 1000);
}

#[tokio::test]
async fn a_request_that_a_kept_connection_lost_is_sent_again_where_that_does_no_harm() {
    for end in [End::Closed, End::Reset] {
        for (method, status) in [
            (Method::GET, StatusCode::OK),
            (Method::DELETE, StatusCode::OK),
            (Method::POST, StatusCode::BAD_GATEWAY),
        ] {
            let (address, _upstream) = losing_the_second_request(end).await;
            let (proxy, _sts) = pinned(&address.to_string(), &["--upstream-scheme", "http"]).await;
            assert_eq!(second_status(&proxy, method.clone()).await, status, "{end:?}, {method}");
        }
    }
}

#[tokio::test]
async fn a_request_that_a_kept_http_2_connection_lost_is_sent_again_where_that_does_no_harm() {
    let certificates = Certificates::new("reuse-h2");
    for (method, status) in [(Method::GET, StatusCode::OK), (Method::POST, StatusCode::BAD_GATEWAY)] {
        let (address, _upstream) = losing_the_second_http_2_request(&certificates).await;
        let host = format!("localhost:{}", address.port());
        let (proxy, _sts) = pinned(&host, &["--upstream-ca-cert", &certificates.path("ca.pem")]).await;
        assert_eq!(second_status(&proxy, method.clone()).await, status, "{method}");
    }
}

/// How an upstream ends a connection with a request on it.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Having read the request.
    Closed,
    /// Without having read it, which makes the system send a reset.
    Reset,
}

/// An upstream that answers the first request of each connection, and ends the connection when the second one comes.
async fn losing_the_second_request(end: End) -> (SocketAddr, attache::tasks::Owned) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 65536]).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            match end {
                End::Closed => drop(stream.read(&mut [0; 65536]).await),
                End::Reset => drop(stream.readable().await),
            }
        }
    });
    (address, task)
}

/// The same, over HTTP/2.
async fn losing_the_second_http_2_request(
    certificates: &Certificates,
) -> (SocketAddr, attache::tasks::Owned) {
    let acceptor = certificates.acceptor(&["h2"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let stream = acceptor.accept(stream).await.unwrap();
            let (requests, end) = (AtomicUsize::new(0), Arc::new(Notify::new()));
            let service = service_fn(|_: Request<hyper::body::Incoming>| {
                let lost = requests.fetch_add(1, Ordering::Relaxed) > 0;
                let end = end.clone();
                async move {
                    if lost {
                        end.notify_one();
                        std::future::pending::<()>().await;
                    }
                    Ok::<_, Infallible>(text("ok"))
                }
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::select! {
                _ = builder.serve_connection(TokioIo::new(stream), service) => {}
                () = end.notified() => {}
            }
        }
    });
    (address, task)
}

async fn pinned(host: &str, flags: &[&str]) -> (Program, Sts) {
    let sts = Sts::start().await;
    let mut all = vec!["--upstream-host", host];
    all.extend(flags);
    (Program::serve(&sts.url, &all).await, sts)
}

/// Sends a request, which leaves a connection in the pool, then this one, and says how it was answered.
async fn second_status(proxy: &Program, method: Method) -> StatusCode {
    let mut caller = Http1::connect(proxy.proxy).await;
    assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::OK);
    let request = Request::builder().method(method).uri("/").header("host", "proxy.local");
    caller.send(request.body(Body::default()).unwrap()).await.status
}
