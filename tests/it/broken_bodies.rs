//! Bodies that break off. What breaks off on one side never looks complete on the other, and what came before the break is
//! passed on. A stream of HTTP/2 that is reset without an error has not ended its body: END_STREAM alone does (RFC 9113,
//! section 8.1).

use crate::support::certificates::Certificates;
use crate::support::program::{Program, WAIT_LIMIT};
use crate::support::upstream::{Upstream, text};
use crate::support::wire::{END, Line, Wire};
use crate::support::{Sts, World, spawn};
use bytes::Bytes;
use h2::Reason;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use rustls::pki_types::ServerName;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const LAST_CHUNK: &str = "0\r\n\r\n";

#[tokio::test]
async fn an_upload_that_its_caller_resets_without_an_error_does_not_look_complete() {
    let wire = Wire::start(&[]).await;
    let caller = TcpStream::connect(wire.proxy.proxy).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(caller).await.unwrap();
    let _driven = spawn(async move { connection.await.unwrap_or_default() });
    let request = Request::post("http://proxy.local/").body(()).unwrap();
    let (_answer, mut body) = sender.send_request(request, false).unwrap();
    body.send_data(Bytes::from_static(b"half"), false).unwrap();
    let mut upstream = wire.upstream().await;
    upstream.until("half\r\n").await;
    body.send_reset(Reason::NO_ERROR);
    assert_eq!(upstream.rest().await, "", "the connection ends without the last chunk");
}

#[tokio::test]
async fn an_upload_that_is_no_chunked_body_is_400_whatever_the_upstream_speaks() {
    const HEADER: &str = "POST / HTTP/1.1\r\nhost: p\r\ntransfer-encoding: chunked\r\n\r\n";
    for protocol in ["http1", "http2"] {
        for (before, broken) in [("", "ZZ\r\n"), ("", "2\r\nhi\r\nZZ\r\n"), ("2\r\nhi\r\n", "2\r\nhixx\r\n")]
        {
            let upstream = Upstream::scripted(|request| async {
                let _ = request.into_body().collect().await;
                text("whole")
            });
            let world = World::pinned(upstream.await, &["--upstream-protocol", protocol]).await;
            let mut caller = Line::to(world.proxy.proxy).await;
            if before.is_empty() {
                caller.send(&format!("{HEADER}{broken}")).await;
            } else {
                caller.send(&format!("{HEADER}{before}")).await;
                world.upstream.requests(1).await;
                caller.send(broken).await;
            }
            let answer = caller.rest().await;
            assert!(
                answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("\r\n\r\nmalformed request\n"),
                "{protocol}, {before:?}, {broken:?}: {answer:?}"
            );
        }
    }
}

/// An upstream that answers the first request over HTTP/2 as told, and resets the stream without an error.
async fn resetting(status: StatusCode, body: &'static [u8], whole: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    crate::support::detached(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (_request, mut respond) = connection.accept().await.unwrap().unwrap();
        let response = Response::builder().status(status).body(()).unwrap();
        let mut stream = respond.send_response(response, false).unwrap();
        stream.send_data(Bytes::from_static(body), whole).unwrap();
        let mut flushed = false;
        // A reset throws away what is not written yet.
        poll_fn(|context| {
            let closed = connection.poll_closed(context).map(|_| ());
            if !flushed {
                flushed = true;
                context.waker().wake_by_ref();
                return std::task::Poll::Pending;
            }
            stream.send_reset(Reason::NO_ERROR);
            let _ = connection.poll_closed(context);
            closed
        })
        .await;
    });
    address
}

async fn proxy(upstream: SocketAddr) -> (Sts, Program) {
    let (sts, host) = (Sts::start().await, upstream.to_string());
    let flags = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
    let proxy = Program::serve(&sts.url, &flags).await;
    (sts, proxy)
}

#[tokio::test]
async fn a_response_that_its_upstream_resets_without_an_error_does_not_look_complete() {
    let upstream = resetting(StatusCode::OK, b"half", false).await;
    let (_sts, proxy) = proxy(upstream).await;
    let mut caller = Line::to(proxy.proxy).await;
    caller.send("GET / HTTP/1.1\r\nhost: p\r\n\r\n").await;
    let header = caller.until(END).await;
    assert!(header.contains("transfer-encoding: chunked"), "{header}");
    let rest = caller.rest().await;
    assert!(rest.contains("half") && !rest.ends_with(LAST_CHUNK), "{rest:?}");
}

#[tokio::test]
async fn a_response_that_ends_before_its_stream_is_reset_is_whole() {
    let upstream = resetting(StatusCode::PAYLOAD_TOO_LARGE, b"too large", true).await;
    let (_sts, proxy) = proxy(upstream).await;
    let caller = TcpStream::connect(proxy.proxy).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(caller).await.unwrap();
    let _driven = spawn(async move { connection.await.unwrap_or_default() });
    let request = Request::post("http://proxy.local/").body(()).unwrap();
    let (answer, mut body) = sender.send_request(request, false).unwrap();
    body.send_data(Bytes::from_static(b"much"), false).unwrap();
    let answer = timeout(WAIT_LIMIT, answer).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let mut text = Vec::new();
    let mut answer = answer.into_body();
    while let Some(data) = timeout(WAIT_LIMIT, answer.data()).await.unwrap() {
        text.extend(data.unwrap());
    }
    assert_eq!(text, b"too large");
}

#[tokio::test]
async fn what_comes_before_a_broken_chunk_is_passed_on_although_all_comes_at_once() {
    for (body, good) in [("4\r\ngood\r\nZZ\r\n", "4\r\ngood\r\n"), ("ZZ\r\n", "")] {
        let wire = Wire::start(&[]).await;
        let mut caller = wire.caller("GET / HTTP/1.1\r\nhost: p\r\n\r\n").await;
        let mut upstream = wire.upstream().await;
        upstream.until(END).await;
        upstream.send(&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}")).await;
        assert!(caller.until(END).await.starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(caller.rest().await, good);
    }
}

#[tokio::test]
async fn what_comes_before_a_broken_chunk_is_passed_on_over_http_2() {
    for (body, good) in [("4\r\ngood\r\nZZ\r\n", "good"), ("ZZ\r\n", "")] {
        let wire = Wire::start(&[]).await;
        let caller = TcpStream::connect(wire.proxy.proxy).await.unwrap();
        let (mut sender, connection) = h2::client::handshake(caller).await.unwrap();
        let _driven = spawn(async move { connection.await.unwrap_or_default() });
        let request = Request::get("http://proxy.local/").body(()).unwrap();
        let (answer, _) = sender.send_request(request, true).unwrap();
        let mut upstream = wire.upstream().await;
        upstream.until(END).await;
        upstream.send(&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}")).await;
        let answer = timeout(WAIT_LIMIT, answer).await.unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let (mut text, mut answer) = (Vec::new(), answer.into_body());
        let end = loop {
            match timeout(WAIT_LIMIT, answer.data()).await.unwrap() {
                Some(Ok(data)) => text.extend(data),
                Some(Err(error)) => break error.reason(),
                None => break None,
            }
        };
        assert_eq!((text.as_slice(), end), (good.as_bytes(), Some(Reason::INTERNAL_ERROR)));
    }
}

/// What an upstream sends in chunks, and whether that is whole.
const CHUNKS: [(&str, bool); 2] = [("4\r\ngood\r\n0\r\n\r\n", true), ("4\r\ngood\r\nZZ\r\n", false)];

/// Has a caller of HTTP/1.0 get a response in these chunks. What it got, and the error that ended the connection.
async fn until_close(wire: &Wire, mut caller: Line, chunks: &str) -> (String, Option<ErrorKind>) {
    caller.send("GET / HTTP/1.0\r\nhost: p\r\n\r\n").await;
    let mut upstream = wire.upstream().await;
    upstream.until(END).await;
    upstream.send(&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}")).await;
    caller.ended().await
}

#[tokio::test]
async fn a_broken_response_that_ends_with_its_connection_ends_with_a_reset() {
    for (chunks, whole) in CHUNKS {
        let wire = Wire::start(&[]).await;
        let caller = Line::to(wire.proxy.proxy).await;
        let (text, end) = until_close(&wire, caller, chunks).await;
        assert!(text.ends_with("\r\n\r\ngood"), "{text}");
        assert_eq!(end, (!whole).then_some(ErrorKind::ConnectionReset), "{chunks:?}");
    }
}

#[tokio::test]
async fn a_broken_response_in_tls_that_ends_with_its_connection_ends_with_a_reset() {
    let certificates = Certificates::new("broken_bodies");
    certificates.issue("cert.pem", "key.pem");
    let (cert, key) = (certificates.path("cert.pem"), certificates.path("key.pem"));
    for (chunks, whole) in CHUNKS {
        let wire = Wire::start(&["--tls-cert", &cert, "--tls-key", &key]).await;
        let stream = TcpStream::connect(wire.proxy.proxy).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let caller = certificates.connector(&["http/1.1"]).connect(name, stream).await.unwrap();
        let (text, end) = until_close(&wire, Line::over(caller), chunks).await;
        assert!(text.ends_with("\r\n\r\ngood"), "{text}");
        assert_eq!(end, (!whole).then_some(ErrorKind::ConnectionReset), "{chunks:?}");
    }
}

#[tokio::test]
async fn a_response_that_ends_with_its_connection_is_reset_when_a_shutdown_cuts_it_off() {
    let mut wire = Wire::start(&["--shutdown-timeout", "300ms"]).await;
    let mut caller = wire.caller("GET / HTTP/1.0\r\nhost: p\r\n\r\n").await;
    let mut upstream = wire.upstream().await;
    upstream.until(END).await;
    upstream.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\n").await;
    caller.until("good").await;
    wire.proxy.signal("TERM");
    assert_eq!(caller.ended().await, (String::new(), Some(ErrorKind::ConnectionReset)));
    assert!(wire.proxy.ended().await.success());
}
