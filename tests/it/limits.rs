//! How long everybody may take, and what happens then.

use crate::support::World;
use crate::support::client::{Answer, Http1, get, send};
use crate::support::program::WAIT_LIMIT;
use crate::support::upstream::{Upstream, echo, text};
use crate::support::wire::NO_HALF_CLOSE;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_504() {
    let upstream = Upstream::scripted(|_| std::future::pending()).await;
    let world = World::pinned(upstream, &["--upstream-timeout", "300ms"]).await;
    let answer = send(world.proxy.proxy, get("/", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::GATEWAY_TIMEOUT, "upstream timeout\n"));
    assert_eq!(answer.header("proxy-status"), Some("attache; error=http_response_timeout"));
}

#[tokio::test]
async fn the_upstreams_time_begins_when_the_request_has_been_sent() {
    let world = World::pinned(Upstream::echo().await, &["--upstream-timeout", "600ms"]).await;
    let (frames, mut waiting) = mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(1);
    let stream = TokioIo::new(TcpStream::connect(world.proxy.proxy).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    let _task = crate::support::in_background(connection);
    let body = StreamBody::new(stream::poll_fn(move |context| waiting.poll_recv(context)));
    let request = Request::post("/").header("host", "proxy.local").body(body).unwrap();
    let upload = async {
        for _ in 0..4 {
            frames.send(Ok(Frame::data(Bytes::from_static(b"slow")))).await.unwrap();
            // The upload has to take longer than the timeout: that is what is tested.
            sleep(Duration::from_millis(300)).await;
        }
        drop(frames);
    };
    let (answer, ()) = tokio::join!(sender.send_request(request), upload);
    let answer = Answer::read(answer.unwrap()).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "slowslowslowslow"));
}

#[tokio::test]
async fn an_upstream_that_refuses_connections_is_502() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let sts = crate::support::Sts::start().await;
    let flags = ["--upstream-host", &address, "--upstream-scheme", "http"];
    let proxy = crate::support::program::Program::serve(&sts.url, &flags).await;
    let answer = send(proxy.proxy, get("/", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "upstream error\n"));
    assert_eq!(answer.header("proxy-status"), Some("attache; error=connection_refused"));
    let scrape = send(proxy.admin, get("/metrics", &[])).await;
    assert!(scrape.text().contains("error_type=\"connection_refused\""), "{}", scrape.text());
}

#[tokio::test]
async fn an_upstream_that_speaks_nonsense_is_502() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let _task = crate::support::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"220 mail.example.com ESMTP\r\n\r\n").await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let sts = crate::support::Sts::start().await;
    let flags = ["--upstream-host", &address, "--upstream-scheme", "http"];
    let proxy = crate::support::program::Program::serve(&sts.url, &flags).await;
    let answer = send(proxy.proxy, get("/", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "upstream error\n"));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_502() {
    let sts = crate::support::Sts::start().await;
    let proxy =
        crate::support::program::Program::serve(&sts.url, &["--upstream-host", "nowhere.invalid"]).await;
    let answer = send(proxy.proxy, get("/", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "upstream error\n"));
    assert_eq!(answer.header("proxy-status"), Some("attache; error=dns_error"));
}

#[tokio::test]
async fn a_caller_that_hangs_up_ends_the_request_at_the_upstream() {
    let (gone, mut noticed) = mpsc::channel::<()>(1);
    let upstream = Upstream::scripted(move |_| {
        let held = gone.clone();
        async move {
            std::future::pending::<()>().await;
            drop(held);
            text("never")
        }
    });
    let world = World::pinned(upstream.await, &[]).await;
    let mut stream = TcpStream::connect(world.proxy.proxy).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: p\r\n\r\n").await.unwrap();
    world.upstream.requests(1).await;
    let World { upstream, proxy, .. } = &world;
    sleep(NO_HALF_CLOSE).await;
    drop(stream);
    let finished = async {
        while crate::support::metric(proxy, "http_server_active_requests").await > 0.0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(WAIT_LIMIT, finished).await.unwrap();
    assert!(noticed.try_recv().is_err(), "the upstream must not have answered");
    let scrape = send(proxy.admin, get("/metrics", &[])).await;
    assert!(scrape.text().contains("http_response_status_code=\"499\""), "{}", scrape.text());
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn half_a_header_is_dropped_by_its_deadline_while_others_are_served() {
    let world = World::pinned(Upstream::echo().await, &["--header-read-timeout", "500ms"]).await;
    let mut slow = TcpStream::connect(world.proxy.proxy).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: p\r\nx-").await.unwrap();
    let began = Instant::now();
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    let mut rest = Vec::new();
    timeout(WAIT_LIMIT, slow.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(world.upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_quiet_connection_outlives_the_deadline_for_headers() {
    let flags = ["--header-read-timeout", "200ms", "--idle-timeout", "30s"];
    let world = World::pinned(Upstream::echo().await, &flags).await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::OK);
    // Longer than the deadline for a header, which must not count the time between two of them.
    sleep(Duration::from_millis(700)).await;
    assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let world = World::pinned(Upstream::echo().await, &["--idle-timeout", "300ms"]).await;
    let mut stream = TcpStream::connect(world.proxy.proxy).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: p\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    timeout(WAIT_LIMIT, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_long_stream_is_not_cut_by_timeouts_meant_for_something_else() {
    let (frames, waiting) = mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(1);
    let waiting = std::sync::Mutex::new(Some(waiting));
    let upstream = Upstream::scripted(move |_| {
        let mut waiting = waiting.lock().unwrap().take().unwrap();
        let body = StreamBody::new(stream::poll_fn(move |context| waiting.poll_recv(context)));
        async move { http::Response::new(body.boxed()) }
    });
    let flags = ["--upstream-timeout", "300ms", "--idle-timeout", "300ms", "--header-read-timeout", "300ms"];
    let world = World::pinned(upstream.await, &flags).await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    let mut body = caller.begin(get("/", &[])).await.unwrap().into_body();
    for _ in 0..3 {
        sleep(Duration::from_millis(400)).await;
        frames.send(Ok(Frame::data(Bytes::from_static(b"tick")))).await.unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "tick");
    }
    drop(frames);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told_so() {
    let world = World::pinned(Upstream::scripted(echo).await, &["--max-connections", "1"]).await;
    let mut first = Http1::connect(world.proxy.proxy).await;
    assert_eq!(first.send(get("/", &[])).await.status, StatusCode::OK);
    let mut second = TcpStream::connect(world.proxy.proxy).await.unwrap();
    let mut answer = String::new();
    timeout(WAIT_LIMIT, second.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("Proxy-Status: attache; error=connection_limit_reached"), "{answer}");
    assert_eq!(first.send(get("/", &[])).await.status, StatusCode::OK);
}
