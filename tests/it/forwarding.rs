//! What a request and its response look like on the other side.

use crate::support::client::{self, Answer, Body, get, http2, send};
use crate::support::upstream::{Upstream, text};
use crate::support::{World, metric};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use std::sync::Mutex;
use tokio::sync::mpsc;

#[tokio::test]
async fn a_bare_request_leaves_with_one_token_and_its_answer_comes_back() {
    let world = World::start().await;
    let answer = send(world.proxy.proxy, get("/v1/models", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "hello"));
    let seen = world.upstream.only_request();
    assert_eq!(seen.token().split('.').count(), 3);
    assert_eq!(seen.only("host"), Some(world.upstream.authority().as_str()));
}

#[tokio::test]
async fn a_callers_own_authorization_never_survives() {
    let world = World::start().await;
    let request = get("/", &[("authorization", "Bearer mine"), ("authorization", "Basic bWluZQ==")]);
    send(world.proxy.proxy, request).await;
    assert!(world.upstream.only_request().token().starts_with("ey"));
}

#[tokio::test]
async fn no_nomination_by_connection_takes_away_the_token_or_the_host() {
    let world = World::start().await;
    let nominated = "Authorization, Host, X-Private, X-Forwarded-For, close";
    send(world.proxy.proxy, get("/", &[("connection", nominated), ("x-private", "1"), ("x-kept", "1")]))
        .await;
    let seen = world.upstream.only_request();
    assert!(seen.token().starts_with("ey"));
    assert_eq!(seen.only("host"), Some(world.upstream.authority().as_str()));
    assert_eq!((seen.only("x-private"), seen.only("x-kept")), (None, Some("1")));
}

#[tokio::test]
async fn what_is_for_one_hop_stays_on_it_in_both_directions() {
    let upstream = Upstream::scripted(|_| async {
        let mut reply = text("hello");
        for (name, value) in [("keep-alive", "timeout=5"), ("x-secret", "1"), ("proxy-authenticate", "Basic")]
        {
            reply.headers_mut().insert(name, value.parse().unwrap());
        }
        reply.headers_mut().insert("connection", "x-secret".parse().unwrap());
        reply
    });
    let world = World::pinned(upstream.await, &[]).await;
    let headers = [
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic eA=="),
        ("te", "gzip, trailers"),
        ("upgrade", "h2c"),
    ];
    let answer = send(world.proxy.proxy, get("/", &headers)).await;
    let seen = world.upstream.only_request();
    for name in ["keep-alive", "proxy-connection", "proxy-authorization", "upgrade"] {
        assert_eq!(seen.only(name), None, "{name}");
    }
    // A field of this hop has to be named as one.
    assert_eq!((seen.only("te"), seen.only("connection")), (Some("trailers"), Some("te")));
    for name in ["keep-alive", "x-secret", "proxy-authenticate"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn path_and_query_arrive_byte_for_byte() {
    let world = World::start().await;
    for path in ["/", "/a%2Fb/../c//d;e=f?x=1&&y=%zz&z=a+b", "/?", "/%E2%82%AC?q=%20", "/a|b?{}[]"] {
        send(world.proxy.proxy, get(path, &[])).await;
        assert_eq!(world.upstream.seen().last().unwrap().uri.to_string(), path);
    }
}

#[tokio::test]
async fn the_callers_address_is_appended_to_what_it_says_of_others() {
    let world = World::start().await;
    let headers = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "192.0.2.2, 192.0.2.3")];
    send(world.proxy.proxy, get("/", &headers)).await;
    let seen = world.upstream.only_request();
    assert_eq!(seen.only("x-forwarded-for"), Some("192.0.2.1, 192.0.2.2, 192.0.2.3, 127.0.0.1"));
}

#[tokio::test]
async fn the_operator_decides_on_x_forwarded_for() {
    for (mode, expected) in [("keep", Some("192.0.2.1")), ("remove", None)] {
        let world = World::pinned(Upstream::echo().await, &["--forwarded-for", mode]).await;
        send(world.proxy.proxy, get("/", &[("x-forwarded-for", "192.0.2.1")])).await;
        assert_eq!(world.upstream.only_request().only("x-forwarded-for"), expected, "{mode}");
    }
}

#[tokio::test]
async fn little_is_invented_for_the_upstream() {
    let world = World::start().await;
    send(world.proxy.proxy, get("/", &[])).await;
    let seen = world.upstream.only_request();
    let mut names: Vec<&str> = seen.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["authorization", "cdn-loop", "host", "x-forwarded-for"]);
}

#[tokio::test]
async fn an_upstreams_own_error_is_passed_on_unmarked() {
    let upstream = Upstream::scripted(|_| async {
        let mut reply = text("teapot");
        *reply.status_mut() = StatusCode::BAD_GATEWAY;
        reply
    });
    let world = World::pinned(upstream.await, &[]).await;
    let answer = send(world.proxy.proxy, get("/", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "teapot"));
    assert_eq!(answer.header("proxy-status"), None);
}

#[tokio::test]
async fn http_2_without_tls_is_heard_on_the_same_port() {
    let world = World::start().await;
    let (mut sender, _connection) = http2(world.proxy.proxy).await;
    let request = Request::post("http://proxy.local/v1").body(Body::from("ping")).unwrap();
    let answer = Answer::read(sender.send_request(request).await.unwrap()).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "ping"));
    let seen = world.upstream.only_request();
    assert_eq!(seen.version, Version::HTTP_11);
    assert_eq!(seen.only("host"), Some(world.upstream.authority().as_str()));
    assert!(seen.token().starts_with("ey"));
}

#[tokio::test]
async fn a_body_reaches_the_caller_frame_by_frame() {
    let (world, frames) = streaming_world().await;
    let mut caller = client::Http1::connect(world.proxy.proxy).await;
    let response = caller.begin(get("/stream", &[("te", "trailers")])).await.unwrap();
    let mut body = response.into_body();
    for text in ["one", "two"] {
        frames.send(Ok(Frame::data(Bytes::from_static(text.as_bytes())))).await.unwrap();
        // Only when this frame has arrived is the next one sent, so nothing was held back.
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), text);
    }
    let trailers = HeaderMap::from_iter([("x-checksum".parse().unwrap(), "42".parse().unwrap())]);
    frames.send(Ok(Frame::trailers(trailers))).await.unwrap();
    drop(frames);
    assert_eq!(body.frame().await.unwrap().unwrap().into_trailers().unwrap()["x-checksum"], "42");
}

#[tokio::test]
async fn a_body_that_is_no_body_is_the_callers_fault_and_no_upstreams() {
    let mut world = World::start().await;
    for body in ["5\r\nhello\r\nx", "5\r\nhellohello"] {
        let request = format!(
            "POST / HTTP/1.1\r\nhost: p\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{body}"
        );
        let answer = client::raw(world.proxy.proxy, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.ends_with("malformed request\n"), "{answer}");
        assert!(answer.contains("proxy-status: attache; error=http_request_error"), "{answer}");
        world.proxy.logged(|line| line["status"] == 400).await;
    }
    assert!(world.proxy.log().iter().all(|line| line["level"] != "WARN"), "{:?}", world.proxy.log());
    // It was sent all the same, so it is counted.
    let failed = "http_client_request_duration_seconds_count{error_type=\"unknown\"";
    assert_eq!(metric(&world.proxy, failed).await, 2.0);
}

#[tokio::test]
async fn an_upstream_that_breaks_off_never_looks_complete() {
    let (world, frames) = streaming_world().await;
    let mut caller = client::Http1::connect(world.proxy.proxy).await;
    let mut body = caller.begin(get("/stream", &[])).await.unwrap().into_body();
    frames.send(Ok(Frame::data(Bytes::from_static(b"half")))).await.unwrap();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "half");
    frames.send(Err(std::io::Error::other("gone"))).await.unwrap();
    assert!(body.collect().await.is_err());
}

type Frames = mpsc::Sender<Result<Frame<Bytes>, std::io::Error>>;

/// An upstream that answers its only request with the frames that are sent.
async fn streaming_world() -> (World, Frames) {
    let (frames, waiting) = mpsc::channel(4);
    let waiting = Mutex::new(Some(waiting));
    let upstream = Upstream::scripted(move |_| {
        let mut waiting: mpsc::Receiver<_> = waiting.lock().unwrap().take().unwrap();
        async move {
            let body = StreamBody::new(stream::poll_fn(move |context| waiting.poll_recv(context)));
            let mut reply = Response::new(body.boxed());
            reply.headers_mut().insert("trailer", "x-checksum".parse().unwrap());
            reply
        }
    });
    (World::pinned(upstream.await, &[]).await, frames)
}
