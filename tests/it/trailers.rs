//! Trailers of both directions: how large they may be, and what may not stand in them.

use crate::support::World;
use crate::support::client::Answer;
use crate::support::in_background;
use crate::support::upstream::{Reply, Upstream};
use crate::support::wire::{END, Line, Wire};
use attache::tasks::Owned;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Trailers of so many fields and bytes of values, and whether they are within the limits.
const SIZES: [(usize, usize, bool); 4] =
    [(500, 10_000, true), (1, 120_000, true), (501, 10_000, false), (1, 128 * 1024, false)];

/// What ends a body in chunks.
const LAST_CHUNK: &str = "\r\n0\r\n";

/// What stands in a header only.
const HEADER_ONLY: [&str; 19] = [
    "authorization",
    "cache-control",
    "content-encoding",
    "content-type",
    "cookie",
    "expect",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "max-forwards",
    "pragma",
    "proxy-status",
    "range",
    "set-cookie",
    "www-authenticate",
    "x-upstream-host",
];
const KEPT: [&str; 4] = ["grpc-message", "grpc-status", "grpc-status-details-bin", "x-sum"];

fn sized(number: usize, bytes: usize) -> HeaderMap {
    let value = HeaderValue::try_from("y".repeat(bytes / number)).unwrap();
    (0..number).map(|at| (HeaderName::try_from(format!("x-{at}")).unwrap(), value.clone())).collect()
}

fn mixed() -> HeaderMap {
    let names = HEADER_ONLY.into_iter().chain(KEPT);
    names.map(|name| (HeaderName::from_static(name), HeaderValue::from_static("1"))).collect()
}

fn hello(trailers: HeaderMap) -> Reply {
    let frames = [Ok(Frame::data(Bytes::from_static(b"hello"))), Ok(Frame::trailers(trailers))];
    Response::new(StreamBody::new(stream::iter(frames)).boxed())
}

/// A caller over HTTP/2 whose requests may have trailers.
async fn caller(proxy: SocketAddr) -> (SendRequest<BoxBody<Bytes, std::io::Error>>, Owned) {
    let stream = TokioIo::new(TcpStream::connect(proxy).await.unwrap());
    let (sender, connection) = Builder::new(TokioExecutor::new()).handshake(stream).await.unwrap();
    (sender, in_background(connection))
}

#[tokio::test]
async fn a_request_over_http_2_whose_trailers_are_too_large_breaks_off() {
    for (number, bytes, fits) in SIZES {
        let wire = Wire::start(&[]).await;
        let (mut sender, _connection) = caller(wire.proxy.proxy).await;
        let request = Request::post("http://p/").body(hello(sized(number, bytes)).into_body()).unwrap();
        let taken = async {
            let mut upstream = wire.upstream().await;
            if !fits {
                return upstream.rest().await;
            }
            let mut all = upstream.until(LAST_CHUNK).await;
            all += &upstream.until(END).await;
            upstream.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            all
        };
        let (answer, taken) = tokio::join!(sender.send_request(request), taken);
        let about = format!("{number} fields of {bytes} bytes");
        assert_eq!(taken.contains(LAST_CHUNK), fits, "{about}");
        let status = if fits { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        assert_eq!(answer.unwrap().status(), status, "{about}");
    }
}

#[tokio::test]
async fn a_response_over_http_2_whose_trailers_are_too_large_breaks_off() {
    let upstream = Upstream::scripted(|request| async move {
        let case: usize = request.uri().path().trim_matches('/').parse().unwrap();
        let (number, bytes, _) = SIZES[case];
        hello(sized(number, bytes))
    });
    let world = World::pinned(upstream.await, &["--upstream-protocol", "http2"]).await;
    for (case, (number, bytes, fits)) in SIZES.into_iter().enumerate() {
        let mut caller = Line::to(world.proxy.proxy).await;
        let fields = "host: p\r\nte: trailers\r\nconnection: close, te";
        caller.send(&format!("GET /{case} HTTP/1.1\r\n{fields}\r\n\r\n")).await;
        let answer = caller.rest().await;
        let about = format!("{number} fields of {bytes} bytes");
        // What came just before the break may be lost with it.
        assert!(!fits || answer.contains("hello"), "{about}");
        assert_eq!(answer.contains(LAST_CHUNK), fits, "{about}");
    }
}

#[tokio::test]
async fn a_response_over_http_2_with_a_trailer_whose_name_is_no_token_breaks_off() {
    let upstream = Upstream::scripted(|_| async {
        hello([("\"x\"".parse().unwrap(), HeaderValue::from_static("1"))].into_iter().collect())
    });
    let world = World::pinned(upstream.await, &["--upstream-protocol", "http2"]).await;
    let mut caller = Line::to(world.proxy.proxy).await;
    caller.send("GET / HTTP/1.1\r\nhost: p\r\nte: trailers\r\nconnection: close, te\r\n\r\n").await;
    let answer = caller.rest().await;
    assert!(!answer.contains(LAST_CHUNK), "{answer}");
}

#[tokio::test]
async fn trailers_say_nothing_that_only_a_header_may() {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let upstream = Upstream::scripted(move |request| {
        let sender = sender.clone();
        async move {
            let body = request.into_body().collect().await.unwrap();
            sender.send(body.trailers().cloned().unwrap()).unwrap();
            hello(mixed())
        }
    });
    let world = World::by_header(upstream.await, &["--upstream-protocol", "http2"]).await;
    let (mut sender, _connection) = caller(world.proxy.proxy).await;
    let request = Request::post("http://p/").header("x-upstream-host", world.upstream.authority());
    let request = request.body(hello(mixed()).into_body()).unwrap();
    let answer = Answer::read(sender.send_request(request).await.unwrap()).await;
    for trailers in [seen.recv().await.unwrap(), answer.trailers.unwrap()] {
        let mut left: Vec<&str> = trailers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, KEPT);
    }
}

/// A request for trailers, or one that does not speak of them.
fn get(asks: bool) -> String {
    let te = if asks { "te: trailers\r\nconnection: te\r\n" } else { "" };
    format!("GET / HTTP/1.1\r\nhost: p\r\n{te}connection: close\r\n\r\n")
}

#[tokio::test]
async fn trailers_reach_a_caller_of_http_1_1_that_asks_for_them_or_whose_response_announces_them() {
    for (asks, announced) in [(false, false), (true, false), (false, true), (true, true)] {
        let wire = Wire::start(&[]).await;
        let mut caller = wire.caller(&get(asks)).await;
        let mut upstream = wire.upstream().await;
        upstream.until(END).await;
        let trailer = if announced { "trailer: x-sum\r\n" } else { "" };
        let chunks = "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n";
        upstream.send(&format!("HTTP/1.1 200 OK\r\n{trailer}{chunks}")).await;
        caller.until(END).await;
        let end = if asks || announced { "x-sum: 1\r\n\r\n" } else { "\r\n" };
        assert_eq!(caller.rest().await, format!("5\r\nhello\r\n0\r\n{end}"), "{asks}, {announced}");
    }
}

#[tokio::test]
async fn trailers_that_a_response_over_http_2_announces_reach_a_caller_of_http_1_1() {
    let upstream = Upstream::scripted(|_| async {
        let mut response = hello(sized(1, 1));
        response.headers_mut().insert("trailer", HeaderValue::from_static("x-0"));
        response
    });
    let world = World::pinned(upstream.await, &["--upstream-protocol", "http2"]).await;
    let mut caller = Line::to(world.proxy.proxy).await;
    caller.send(&get(false)).await;
    let answer = caller.rest().await;
    assert!(answer.ends_with("5\r\nhello\r\n0\r\nx-0: y\r\n\r\n"), "{answer}");
}
