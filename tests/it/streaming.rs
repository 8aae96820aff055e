//! Bodies on their way: passed on as they come, never cut short by a clock, and never taken for whole when they are not.

use crate::support::certificates::Certificates;
use crate::support::client::{Http1, get};
use crate::support::program::WAIT_LIMIT;
use crate::support::upstream::{Upstream, text};
use crate::support::wire::{END, Line, Wire};
use crate::support::{World, in_background};
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

type Frames = mpsc::Sender<Result<Frame<Bytes>, std::io::Error>>;
type Body = BoxBody<Bytes, std::io::Error>;

/// A body of the frames that are sent.
fn body() -> (Frames, Body) {
    let (frames, mut waiting) = mpsc::channel(4);
    (frames, StreamBody::new(stream::poll_fn(move |context| waiting.poll_recv(context))).boxed())
}

fn data(text: &'static str) -> Result<Frame<Bytes>, std::io::Error> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

async fn next(body: &mut Incoming) -> Bytes {
    timeout(WAIT_LIMIT, body.frame()).await.unwrap().unwrap().unwrap().into_data().unwrap()
}

/// A caller of HTTP/2 whose bodies are streamed.
async fn http2(world: &World) -> (http2::SendRequest<Body>, attache::tasks::Owned) {
    let stream = TokioIo::new(TcpStream::connect(world.proxy.proxy).await.unwrap());
    let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    (sender, in_background(connection))
}

fn post(body: Body) -> Request<Body> {
    Request::post("http://p/").body(body).unwrap()
}

/// An upstream over TLS that answers its only request with this body.
async fn streaming(body: Body, certificates: &Certificates, protocol: &str) -> World {
    let body = Mutex::new(Some(body));
    let upstream = Upstream::start(Some(certificates.acceptor(&[protocol])), move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Response::new(body) }
    });
    World::pinned(upstream.await, &["--upstream-ca-cert", &certificates.path("ca.pem")]).await
}

#[tokio::test]
async fn events_that_are_400_ms_apart_arrive_so_behind_a_header_that_waited_for_none() {
    let certificates = Certificates::new("events");
    for protocol in ["http/1.1", "h2"] {
        let (frames, body) = body();
        let world = streaming(body, &certificates, protocol).await;
        let mut caller = Http1::connect(world.proxy.proxy).await;
        let response = caller.begin(get("/events", &[])).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let mut events = response.into_body();
        for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
            sleep(Duration::from_millis(400)).await;
            frames.send(data(event)).await.unwrap();
            // The next one is sent only after this one has come, so none was held back.
            assert_eq!(next(&mut events).await, event);
        }
        drop(frames);
        assert!(events.frame().await.is_none());
    }
}

#[tokio::test]
async fn both_directions_flow_at_once_and_a_slow_upload_is_cut_by_no_timeout() {
    let upstream = Upstream::scripted(|request| async {
        Response::new(request.into_body().map_err(std::io::Error::other).boxed())
    });
    let flags = ["--upstream-timeout", "500ms", "--idle-timeout", "500ms", "--header-read-timeout", "500ms"];
    let world = World::pinned(upstream.await, &flags).await;
    let (mut caller, _connection) = http2(&world).await;
    let (frames, body) = body();
    let mut echoed = caller.send_request(post(body)).await.unwrap().into_body();
    for word in ["one", "two", "three"] {
        sleep(Duration::from_millis(700)).await;
        frames.send(data(word)).await.unwrap();
        assert_eq!(next(&mut echoed).await, word);
    }
    drop(frames);
    assert!(timeout(WAIT_LIMIT, echoed.collect()).await.unwrap().unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn an_upload_that_takes_longer_than_an_answer_may_is_answered() {
    let world = World::pinned(Upstream::echo().await, &["--upstream-timeout", "500ms"]).await;
    let (mut caller, _connection) = http2(&world).await;
    let (frames, body) = body();
    let answer = caller.send_request(post(body));
    for word in ["one", "two"] {
        frames.send(data(word)).await.unwrap();
        sleep(Duration::from_millis(700)).await;
    }
    drop(frames);
    let answer = timeout(WAIT_LIMIT, answer).await.unwrap().unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "onetwo");
}

/// Whether an upstream's answer came to its end. Where its end comes at once with its beginning, the caller gets another.
async fn looks_whole(response: hyper::Result<Response<Incoming>>) -> bool {
    let Ok(response) = response else { return false };
    if response.status() == StatusCode::BAD_GATEWAY {
        return false;
    }
    timeout(WAIT_LIMIT, response.into_body().collect()).await.unwrap().is_ok()
}

#[tokio::test]
async fn a_body_that_the_upstream_cuts_never_looks_whole() {
    let whole = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf", "by length"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "in chunks"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n", "before trailers"),
    ];
    for (answer, name) in whole {
        let wire = Wire::start(&[]).await;
        let mut caller = Http1::connect(wire.proxy.proxy).await;
        let answered = caller.begin(get("/", &[]));
        let cut = async {
            let mut upstream = wire.upstream().await;
            upstream.until(END).await;
            upstream.send(answer).await;
        };
        let (response, ()) = tokio::join!(answered, cut);
        assert!(!looks_whole(response).await, "{name}");
    }
}

#[tokio::test]
async fn the_end_of_a_tls_connection_is_no_end_of_a_body_unless_tls_says_so() {
    let certificates = Certificates::new("truncation");
    let wire = Wire::in_tls(&certificates, &["http/1.1"]).await;
    let mut caller = Http1::connect(wire.proxy.proxy).await;
    let answered = caller.begin(get("/", &[]));
    let cut = async {
        let mut upstream = wire.upstream().await;
        upstream.until(END).await;
        upstream.send("HTTP/1.1 200 OK\r\n\r\nhalf").await;
    };
    let (response, ()) = tokio::join!(answered, cut);
    assert!(!looks_whole(response).await);
}

#[tokio::test]
async fn a_body_that_is_whole_needs_no_word_of_tls_at_its_end() {
    let certificates = Certificates::new("whole-without-notify");
    let wire = Wire::in_tls(&certificates, &["http/1.1"]).await;
    for framed in
        ["content-length: 4\r\n\r\nbody", "transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"]
    {
        let mut caller = Http1::connect(wire.proxy.proxy).await;
        let answered = caller.send(get("/", &[]));
        let cut = async {
            let mut upstream = wire.upstream().await;
            upstream.until(END).await;
            upstream.send(&format!("HTTP/1.1 200 OK\r\n{framed}")).await;
        };
        let (answer, ()) = tokio::join!(answered, cut);
        assert_eq!(answer.text(), "body");
    }
}

#[tokio::test]
async fn a_stream_that_the_upstream_resets_never_looks_whole_to_callers_of_either_version() {
    let certificates = Certificates::new("resets");
    for http2_caller in [false, true] {
        let (frames, body) = body();
        let world = streaming(body, &certificates, "h2").await;
        frames.send(data("half")).await.unwrap();
        let mut received = if http2_caller {
            let (mut caller, connection) = http2(&world).await;
            let received = caller.send_request(post(text("").into_body())).await.unwrap().into_body();
            // Its connection has to live as long as the body does.
            crate::support::detached(async move {
                let _held = (caller, connection);
                std::future::pending::<()>().await;
            });
            received
        } else {
            Http1::connect(world.proxy.proxy).await.begin(get("/", &[])).await.unwrap().into_body()
        };
        assert_eq!(next(&mut received).await, "half");
        frames.send(Err(std::io::Error::other("gone"))).await.unwrap();
        assert!(timeout(WAIT_LIMIT, received.collect()).await.unwrap().is_err(), "{http2_caller}");
    }
}

#[tokio::test]
async fn a_body_that_the_caller_cuts_never_looks_whole_to_the_upstream() {
    let heads = ["content-length: 8\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"];
    for head in heads {
        let wire = Wire::start(&[]).await;
        let caller = wire.caller(&format!("POST / HTTP/1.1\r\nhost: p\r\n{head}")).await;
        let mut upstream = wire.upstream().await;
        let mut seen = upstream.until("half").await;
        drop(caller);
        seen.push_str(&upstream.rest().await);
        let (_, body) = seen.split_once(END).unwrap();
        assert!(["half", "4\r\nhalf\r\n"].contains(&body), "{seen}");
    }
}

#[tokio::test]
async fn nor_does_one_whose_http_2_stream_the_caller_resets() {
    let wire = Wire::start(&[]).await;
    let stream = TokioIo::new(TcpStream::connect(wire.proxy.proxy).await.unwrap());
    let (mut caller, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let _connection = in_background(connection);
    let (frames, body) = body();
    let answer = caller.send_request(post(body));
    frames.send(data("half")).await.unwrap();
    let mut upstream = wire.upstream().await;
    let mut seen = upstream.until("half").await;
    frames.send(Err(std::io::Error::other("gone"))).await.unwrap();
    assert!(timeout(WAIT_LIMIT, answer).await.unwrap().is_err());
    seen.push_str(&upstream.rest().await);
    assert!(seen.ends_with("\r\n4\r\nhalf\r\n"), "{seen}");
}

/// Tells when it is dropped.
struct Alarm(Arc<Notify>);

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// An upstream that never answers, or never ends its answer, and tells when it may give up.
async fn endless(answering: bool, tls: TlsAcceptor) -> (Upstream, Arc<Notify>) {
    let given_up = Arc::new(Notify::new());
    let alarm = given_up.clone();
    let upstream = Upstream::start(Some(tls), move |_| {
        let alarm = Alarm(alarm.clone());
        async move {
            if !answering {
                std::future::pending::<()>().await;
            }
            let frames = stream::unfold(alarm, |alarm| async move {
                sleep(Duration::from_millis(10)).await;
                Some((data("tick"), alarm))
            });
            Response::new(StreamBody::new(Box::pin(frames)).boxed())
        }
    });
    (upstream.await, given_up)
}

#[tokio::test]
async fn a_caller_that_leaves_ends_its_request_at_the_upstream_before_and_within_the_answer() {
    let certificates = Certificates::new("leaving");
    let ca = certificates.path("ca.pem");
    let ways = [("h2", false), ("h2", true), ("http/1.1", false), ("http/1.1", true)];
    for (protocol, answering) in ways {
        let (upstream, given_up) = endless(answering, certificates.acceptor(&[protocol])).await;
        let world = World::pinned(upstream, &["--upstream-ca-cert", &ca]).await;
        // Over HTTP/2 only the stream is left, over HTTP/1.1 the connection.
        let (mut new, _connection) = http2(&world).await;
        let answer = new.send_request(post(text("").into_body()));
        world.upstream.requests(1).await;
        if answering {
            next(&mut answer.await.unwrap().into_body()).await;
        } else {
            drop(answer);
        }
        assert!(timeout(WAIT_LIMIT, given_up.notified()).await.is_ok(), "HTTP/2, {protocol}, {answering}");
        let mut old = Line::to(world.proxy.proxy).await;
        old.send("GET / HTTP/1.1\r\nhost: p\r\n\r\n").await;
        world.upstream.requests(2).await;
        if answering {
            old.until("tick").await;
        }
        old.leave().await;
        assert!(timeout(WAIT_LIMIT, given_up.notified()).await.is_ok(), "HTTP/1.1, {protocol}, {answering}");
    }
}
