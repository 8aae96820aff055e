//! How large a header may be: the same in both directions and over both versions of HTTP.

use crate::support::World;
use crate::support::certificates::Certificates;
use crate::support::client::{Answer, get, http2, send};
use crate::support::upstream::{Upstream, text};
use crate::support::wire::{END, Line, Wire};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

const MAX_BYTES: usize = 128 * 1024;
const MAX_FIELDS: usize = 500;

/// What is asked of a request with so many fields beside those that it has anyway, of so many bytes in all.
const CASES: [(usize, usize, StatusCode); 4] = [
    (1, 120_000, StatusCode::OK),
    (490, 10_000, StatusCode::OK),
    (1, MAX_BYTES, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
    (MAX_FIELDS + 1, 10_000, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
];

fn fields(number: usize, bytes: usize) -> Vec<(String, String)> {
    (0..number).map(|at| (format!("x-{at}"), "y".repeat(bytes / number))).collect()
}

#[tokio::test]
async fn a_long_body_has_extensions_in_each_of_its_chunks() {
    let wire = Wire::start(&[]).await;
    let mut caller = wire.caller("GET / HTTP/1.1\r\nhost: p\r\n\r\n").await;
    let mut upstream = wire.upstream().await;
    upstream.until(END).await;
    let chunks = format!("1;signature={}\r\nx\r\n", "y".repeat(64)).repeat(1000);
    upstream.send(&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")).await;
    let answer = caller.until("\r\n0\r\n\r\n").await;
    assert_eq!(answer.matches('x').count(), 1000, "{answer}");
}

#[tokio::test]
async fn a_request_has_the_same_limits_over_both_versions() {
    let mut world = World::pinned(Upstream::echo().await, &["--access-log"]).await;
    for (number, bytes, status) in CASES {
        let fields = fields(number, bytes);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (mut sender, _connection) = http2(world.proxy.proxy).await;
        let over_http2 = sender.send_request(get("http://p/long", &fields)).await.unwrap();
        for answer in [send(world.proxy.proxy, get("/long", &fields)).await, Answer::read(over_http2).await] {
            assert_eq!(answer.status, status, "{number} fields of {bytes} bytes");
            if status != StatusCode::OK {
                assert_eq!(answer.text(), "request header too large\n");
                assert_eq!(answer.header("proxy-status"), Some("attache; error=http_request_error"));
            }
        }
    }
    for protocol in ["HTTP/1.1", "HTTP/2.0"] {
        let line = world.proxy.logged(|line| line["status"] == 431 && line["protocol"] == protocol).await;
        assert_eq!((&line["method"], &line["path"]), (&"GET".into(), &"/long".into()), "{line}");
        assert_eq!(line["outcome"], "request_header_too_large");
    }
    assert_eq!(world.upstream.seen().len(), 4);
}

#[tokio::test]
async fn a_response_has_the_same_limits_over_both_versions() {
    let certificates = Certificates::new("sizes");
    for protocol in ["http/1.1", "h2"] {
        let upstream = Upstream::start(Some(certificates.acceptor(&[protocol])), |request| async move {
            let case: usize = request.uri().path().trim_matches('/').parse().unwrap();
            let (number, bytes, _) = CASES[case];
            let mut reply = text("ok");
            for (name, value) in fields(number, bytes) {
                reply.headers_mut().insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            }
            reply
        });
        let mut world =
            World::pinned(upstream.await, &["--upstream-ca-cert", &certificates.path("ca.pem")]).await;
        for (case, (number, bytes, status)) in CASES.into_iter().enumerate() {
            // hyper reads no more than a hundred fields, so this caller is by hand.
            let mut caller = Line::to(world.proxy.proxy).await;
            caller.send(&format!("GET /{case} HTTP/1.1\r\nhost: p\r\n\r\n")).await;
            let head = caller.until(END).await.to_ascii_lowercase();
            let about = format!("{protocol}: {number} fields of {bytes} bytes");
            if status == StatusCode::OK {
                assert!(head.starts_with("http/1.1 200 "), "{about}");
                assert_eq!(head.matches("\r\nx-").count(), number, "{about}");
            } else {
                assert!(head.starts_with("http/1.1 502 "), "{about}");
                assert!(head.contains("error=http_response_header_section_size\r\n"), "{about}: {head}");
                world.proxy.logged(|line| line["code"] == "upstream_header_too_large").await;
            }
        }
    }
}

#[tokio::test]
async fn trailers_of_an_http_1_1_upstream_may_be_as_long_as_a_header() {
    let details = HeaderValue::try_from("y".repeat(60_000)).unwrap();
    let sent = details.clone();
    let upstream = Upstream::scripted(move |_| {
        let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-details"), sent.clone())]);
        let frames = [Ok(Frame::data("ok".into())), Ok(Frame::trailers(trailers))];
        async move {
            let mut reply = text("");
            *reply.body_mut() = StreamBody::new(futures_util::stream::iter(frames)).boxed();
            reply.headers_mut().insert("trailer", HeaderValue::from_static("x-details"));
            reply
        }
    });
    let world = World::pinned(upstream.await, &[]).await;
    let (mut sender, _connection) = http2(world.proxy.proxy).await;
    let answer = sender.send_request(get("http://p/", &[("te", "trailers")])).await.unwrap();
    let answer = Answer::read(answer).await;
    assert_eq!(answer.trailers.unwrap()["x-details"], details);
}

#[tokio::test]
async fn a_target_that_is_too_long_is_414() {
    let wire = Wire::start(&["--access-log"]).await;
    for length in [65_534, 100_000, 140_000] {
        let target = "a".repeat(length);
        let mut caller = Line::to(wire.proxy.proxy).await;
        // The proxy may answer and close before it has taken everything.
        caller.offer(&format!("GET /{target} HTTP/1.1\r\nhost: p\r\n\r\n")).await;
        let head = caller.until(END).await.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 414 uri too long\r\n"), "{length}: {head}");
        assert!(head.contains("\r\nproxy-status: attache; error=http_request_error\r\n"), "{head}");
    }
}
