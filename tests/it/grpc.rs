//! gRPC as far as HTTP carries it, and the answers that attache gives to calls itself. `tests/clients/grpc.py` says the
//! same with gRPC's own library.

use crate::support::World;
use crate::support::certificates::Certificates;
use crate::support::client::{Answer, Body, http2};
use crate::support::program::Program;
use crate::support::upstream::{Reply, Upstream};
use crate::support::{Sts, metric};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use std::time::Duration;

/// A message of five bytes behind gRPC's own five.
const MESSAGE: &[u8] = b"\0\0\0\0\x05hello";

fn call(headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post("http://p/greet.Greeter/Hello")
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(MESSAGE)).unwrap()
}

async fn answer(proxy: &Program, call: Request<Body>) -> Answer {
    let (mut sender, _connection) = http2(proxy.proxy).await;
    Answer::read(sender.send_request(call).await.unwrap()).await
}

/// A greeting, and how it went.
async fn greet(request: Request<hyper::body::Incoming>) -> Reply {
    let message = request.into_body().collect().await.unwrap().to_bytes();
    let status = HeaderMap::from_iter([
        ("grpc-status".parse().unwrap(), "0".parse().unwrap()),
        ("grpc-message".parse().unwrap(), "fine".parse().unwrap()),
    ]);
    let frames = [Ok(Frame::data(message)), Ok(Frame::trailers(status))];
    let mut reply = Response::new(StreamBody::new(stream::iter(frames)).boxed());
    reply.headers_mut().insert("content-type", "application/grpc+proto".parse().unwrap());
    reply
}

#[tokio::test]
async fn a_deadline_counts_where_it_is_longer_than_the_timeout() {
    let upstream = Upstream::scripted(|request| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        greet(request).await
    });
    let flags = ["--upstream-protocol", "http2", "--upstream-timeout", "300ms"];
    let world = World::pinned(upstream.await, &flags).await;
    for (headers, place, status) in [
        (&[("grpc-timeout", "10S")][..], "trailers", "0"),
        (&[("grpc-timeout", "100m")], "header", "4"),
        (&[("grpc-timeout", "500m")], "header", "4"),
        (&[], "header", "4"),
    ] {
        let answer = answer(&world.proxy, call(headers)).await;
        let fields = if place == "trailers" { answer.trailers.unwrap() } else { answer.headers };
        assert_eq!(fields["grpc-status"], status, "{headers:?}");
    }
}

#[tokio::test]
async fn a_call_gets_its_message_and_its_trailers() {
    let certificates = Certificates::new("grpc");
    let upstream = Upstream::start(Some(certificates.acceptor(&["h2"])), greet).await;
    let world = World::pinned(upstream, &["--upstream-ca-cert", &certificates.path("ca.pem")]).await;
    let answer = answer(&world.proxy, call(&[("grpc-timeout", "5S")])).await;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, MESSAGE));
    let trailers = answer.trailers.unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(trailers["grpc-message"], "fine");
    let seen = world.upstream.only_request();
    assert_eq!((seen.only("te"), seen.only("grpc-timeout")), (Some("trailers"), Some("5S")));
    assert!(seen.token().starts_with("ey"));
}

/// The failure of a call, in the form that has no message and no trailers, and `Proxy-Status`.
fn failure(answer: &Answer) -> (&str, &str, &str) {
    assert_eq!((answer.status, &answer.body, &answer.trailers), (StatusCode::OK, &Bytes::new(), &None));
    assert_eq!(answer.header("content-type"), Some("application/grpc"));
    assert_eq!(answer.header("content-length"), None);
    let header = |name| answer.header(name).unwrap();
    (header("grpc-status"), header("grpc-message"), header("proxy-status"))
}

#[tokio::test]
async fn a_call_without_an_upstream_fails_in_grpcs_own_words() {
    let world = World::by_header(Upstream::echo().await, &["--allow-host", "api.example.com"]).await;
    let missing = answer(&world.proxy, call(&[])).await;
    let message = "missing upstream: set --upstream-host or provide X-Upstream-Host";
    assert_eq!(failure(&missing), ("3", message, "attache; error=destination_not_found"));
    let forbidden = answer(&world.proxy, call(&[("x-upstream-host", "evil.example.com")])).await;
    assert_eq!(failure(&forbidden), ("7", "upstream not allowed", "attache; error=http_request_denied"));
    // What went out is counted, and a call that fails is a request that succeeds.
    let series = "http_server_request_duration_seconds_count{http_request_method=\"POST\",http_response_status_code=\"200\"";
    assert_eq!(metric(&world.proxy, series).await, 2.0);
    assert_eq!(world.sts.mints(), 0);
}

#[tokio::test]
async fn a_call_that_no_token_can_be_had_for_is_unavailable() {
    let mut sts = Sts::start().await;
    let url = sts.url.clone();
    sts.stop();
    let proxy = Program::serve(&url, &["--upstream-host", "api.example.com"]).await;
    let answer = answer(&proxy, call(&[])).await;
    let proxy_status = "attache; error=proxy_internal_error; details=\"token unavailable\"";
    assert_eq!(failure(&answer), ("14", "token unavailable", proxy_status));
}

#[tokio::test]
async fn a_call_whose_upstream_cannot_be_reached_is_unavailable_and_a_late_one_exceeds_its_deadline() {
    let sts = Sts::start().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let proxy = Program::serve(&sts.url, &["--upstream-host", &closed]).await;
    let refused = answer(&proxy, call(&[])).await;
    assert_eq!(failure(&refused), ("14", "upstream error", "attache; error=connection_refused"));
    let silent = Upstream::scripted(|_| std::future::pending()).await;
    let world = World::pinned(silent, &["--upstream-timeout", "300ms"]).await;
    let late = answer(&world.proxy, call(&[])).await;
    assert_eq!(failure(&late), ("4", "upstream timeout", "attache; error=http_response_timeout"));
}

#[tokio::test]
async fn grpc_web_is_answered_in_http() {
    let world = World::by_header(Upstream::echo().await, &[]).await;
    let mut request = call(&[]);
    request.headers_mut().insert("content-type", "application/grpc-web+proto".parse().unwrap());
    let answer = answer(&world.proxy, request).await;
    assert_eq!((answer.status, answer.header("grpc-status")), (StatusCode::BAD_REQUEST, None));
}
