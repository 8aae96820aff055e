//! HTTP/2 upstreams that do not read an upload, whose bytes use up the window of the whole connection (RFC 9113, section 5.2.2).

use super::frames::Frames;
use crate::support::client::{Body, get, send};
use crate::support::program::{Program, WAIT_LIMIT};
use crate::support::{Sts, in_background};
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use http::{Request, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The window of a connection whose upstream grants nothing.
const WINDOW: usize = 65_535;

async fn proxy(upstream: &Frames, flags: &[&str]) -> (Sts, Program) {
    let (sts, host) = (Sts::start().await, upstream.address.to_string());
    let http2 = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
    let proxy = Program::serve(&sts.url, &[&http2, flags].concat()).await;
    (sts, proxy)
}

/// An upstream that answers what ends, and how many of its connections have no window left.
async fn without_grants() -> (Frames, watch::Receiver<usize>) {
    let (full, seen) = watch::channel(0);
    let upstream = Frames::scripted(move |_, mut connection| {
        let (full, mut taken) = (full.clone(), 0);
        async move {
            connection.greet(None).await?;
            let came = |length| {
                taken += length;
                full.send_modify(|full| *full += usize::from(taken == WINDOW && length > 0));
            };
            connection.answer_all(came).await
        }
    });
    (upstream.await, seen)
}

/// A caller whose uploads have no end and count their bytes.
async fn uploading(proxy: &Program, uploads: usize, counted: &Arc<AtomicUsize>) -> impl Sized + use<> {
    let stream = TokioIo::new(TcpStream::connect(proxy.proxy).await.unwrap());
    let handshake = http2::Builder::new(TokioExecutor::new()).max_send_buf_size(16 << 10).handshake(stream);
    let (sender, connection) = handshake.await.unwrap();
    let upload = || {
        let counted = counted.clone();
        let parts = stream::iter(std::iter::repeat_with(move || {
            counted.fetch_add(8 << 10, Ordering::Relaxed);
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[0; 8 << 10])))
        }));
        Request::post("http://proxy.local/").body(StreamBody::new(parts)).unwrap()
    };
    let requests: Vec<_> = (0..uploads).map(|_| sender.clone().send_request(upload())).collect();
    (in_background(connection), sender, requests)
}

fn post() -> Request<Body> {
    Request::post("/").header("host", "proxy.local").body("ping".into()).unwrap()
}

#[tokio::test]
async fn an_upload_that_is_not_read_keeps_no_other_from_its_upstream() {
    let (upstream, mut full) = without_grants().await;
    let (_sts, proxy) = proxy(&upstream, &["--upstream-timeout", "5s"]).await;
    let _upload = uploading(&proxy, 1, &Arc::default()).await;
    timeout(WAIT_LIMIT, full.wait_for(|full| *full == 1)).await.unwrap().unwrap();
    let posts = join_all((0..50).map(|_| send(proxy.proxy, post()))).await;
    assert!(posts.iter().all(|answer| answer.status == StatusCode::OK));
    // Requests without a body need no window.
    for _ in 0..3 {
        assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    }
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test]
async fn several_uploads_that_are_not_read_keep_no_other_from_their_upstream() {
    let (upstream, mut full) = without_grants().await;
    let (_sts, proxy) = proxy(&upstream, &["--upstream-timeout", "5s"]).await;
    let mut uploads = Vec::new();
    for number in 1..=4 {
        uploads.push(uploading(&proxy, 1, &Arc::default()).await);
        timeout(WAIT_LIMIT, full.wait_for(|full| *full == number)).await.unwrap().unwrap();
    }
    // Further uploads go where others are, until those connections have been without a window for a while.
    uploads.push(uploading(&proxy, 8, &Arc::default()).await);
    sleep(Duration::from_millis(700)).await;
    assert_eq!(upstream.connections(), 4);
    assert_eq!(send(proxy.proxy, post()).await.status, StatusCode::OK);
    assert_eq!(upstream.connections(), 5);
}

#[tokio::test]
async fn uploads_that_an_upstream_grants_room_and_does_not_read_wait_at_their_caller() {
    let upstream = Frames::scripted(|_, mut connection| async move {
        connection.greet_with_room().await?;
        std::future::pending().await
    });
    let upstream = upstream.await;
    let (_sts, proxy) = proxy(&upstream, &[]).await;
    let counted = Arc::new(AtomicUsize::new(0));
    let _uploads = uploading(&proxy, 100, &counted).await;
    // Until every buffer on the way is full.
    let (mut before, mut unchanged) = (0, 0);
    while unchanged < 5 {
        sleep(Duration::from_millis(200)).await;
        let now = counted.load(Ordering::Relaxed);
        unchanged = if now > 0 && now == before { unchanged + 1 } else { 0 };
        before = now;
    }
    assert!(before < 40 << 20, "{} MiB", before >> 20);
}
