//! What the log says of requests, of errors that come again, and at which level.

use crate::support::World;
use crate::support::client::{Body, Http1, get, send};
use crate::support::program::WAIT_LIMIT;
use crate::support::upstream::{Upstream, text};
use crate::support::wire::NO_HALF_CLOSE;
use futures_util::{StreamExt, stream};
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use std::future::pending;
use std::io;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::sleep;

fn is_request(line: &Value) -> bool {
    line["msg"] == "request"
}

#[tokio::test]
async fn a_request_leaves_one_line_with_everything_about_it_but_the_query() {
    let flags = ["--log-level", "info", "--access-log"];
    let mut world = World::pinned(Upstream::echo().await, &flags).await;
    let request = Request::post("/v1/things?secret=1").header("host", "x").body(Body::from("12345")).unwrap();
    send(world.proxy.proxy, request).await;
    let mut line = world.proxy.logged(is_request).await;
    let line = line.as_object_mut().unwrap();
    for name in ["time", "upstream_ms"] {
        let value = line.remove(name).unwrap_or_else(|| panic!("no {name}"));
        assert!(name == "time" || value.as_f64().unwrap() > 0.0, "{name} is {value}");
    }
    // Whole milliseconds, as pipelines read them that were made for the program before.
    let [millis, micros] =
        ["duration_ms", "duration_us"].map(|name| line.remove(name).unwrap().as_u64().unwrap());
    assert!(micros > 0 && millis == micros / 1000, "{millis} ms, {micros} us");
    let expected = json!({
        "level": "DEBUG", "msg": "request", "method": "POST", "path": "/v1/things",
        "target": format!("http://{}", world.upstream.authority()), "status": 200, "bytes_received": 5,
        "bytes_sent": 5, "audience": "http://localhost", "outcome": "ok", "client": "127.0.0.1",
        "protocol": "HTTP/1.1",
    });
    assert_eq!(Value::from(line.clone()), expected);
}

#[tokio::test]
async fn a_refused_request_has_the_code_of_its_refusal_as_outcome() {
    let mut world = World::by_header(Upstream::echo().await, &[]).await;
    send(world.proxy.proxy, get("/", &[])).await;
    let line = world.proxy.logged(is_request).await;
    assert_eq!((&line["status"], &line["outcome"]), (&json!(400), &json!("upstream_missing")));
    for name in ["upstream_ms", "audience"] {
        assert_eq!(line.get(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_refusal_of_head_has_no_bytes() {
    let mut world = World::by_header(Upstream::echo().await, &[]).await;
    send(world.proxy.proxy, Request::head("/").header("host", "x").body(Body::default()).unwrap()).await;
    let line = world.proxy.logged(is_request).await;
    assert_eq!((&line["status"], &line["bytes_sent"]), (&json!(400), &json!(0)));
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_response_is_client_gone() {
    let upstream = Upstream::scripted(|_| pending()).await;
    let mut world = World::pinned(upstream, &[]).await;
    let mut caller = TcpStream::connect(world.proxy.proxy).await.unwrap();
    caller.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    world.upstream.requests(1).await;
    sleep(NO_HALF_CLOSE).await;
    drop(caller);
    let line = world.proxy.logged(is_request).await;
    assert_eq!((&line["status"], &line["outcome"]), (&json!(499), &json!("client_gone")));
}

#[tokio::test]
async fn a_caller_who_leaves_within_the_response_is_client_gone_too() {
    let upstream = Upstream::scripted(|_| async {
        let endless = stream::repeat_with(|| Ok::<_, io::Error>(Frame::data("x".repeat(1000).into())));
        http::Response::new(BodyExt::boxed(StreamBody::new(endless)))
    });
    let mut world = World::pinned(upstream.await, &[]).await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    let response = caller.begin(get("/", &[])).await.unwrap();
    drop((response, caller));
    let line = world.proxy.logged(is_request).await;
    assert_eq!((&line["status"], &line["outcome"]), (&json!(200), &json!("client_gone")));
}

#[tokio::test]
async fn an_upstream_that_breaks_off_its_response_is_the_outcome() {
    let broken = Arc::new(Notify::new());
    let breaks = broken.clone();
    let upstream = Upstream::scripted(move |_| {
        let breaks = breaks.clone();
        let end = async move {
            breaks.notified().await;
            Err(io::Error::other("gone"))
        };
        let body = stream::once(async { Ok(Frame::data("x".into())) }).chain(stream::once(end));
        async { http::Response::new(BodyExt::boxed(StreamBody::new(body))) }
    });
    let mut world = World::pinned(upstream.await, &[]).await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    let response = caller.begin(get("/", &[])).await.unwrap();
    broken.notify_one();
    assert!(response.into_body().collect().await.is_err());
    let line = world.proxy.logged(is_request).await;
    assert_eq!((&line["status"], &line["outcome"]), (&json!(200), &json!("upstream_broken")));
}

#[tokio::test]
async fn an_upstream_that_stays_down_is_one_line_and_then_a_number() {
    let vacant = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut world = World::by_header(Upstream::echo().await, &[]).await;
    for _ in 0..5 {
        send(world.proxy.proxy, get("/", &[("x-upstream-host", &vacant.to_string())])).await;
    }
    let target = format!("http://{vacant}");
    let again = world.proxy.logged(|line| line["msg"] == "upstream error, again").await;
    assert_eq!(
        (&again["repeated"], &again["target"], &again["code"]),
        (&json!(4), &json!(target), &json!("upstream_connect"))
    );
    let log = world.proxy.log();
    let [first] = &log.iter().filter(|line| line["msg"] == "upstream error").collect::<Vec<_>>()[..] else {
        panic!("{log:?}")
    };
    assert_eq!((&first["target"], &first["code"]), (&json!(target), &json!("upstream_connect")));
    assert_eq!((&first["level"], &again["level"]), (&json!("ERROR"), &json!("ERROR")));
    assert!(first["hint"].as_str().unwrap().contains("host and port"), "{first}");
}

#[tokio::test]
async fn a_signal_raises_the_level_to_debug_and_another_lowers_it() {
    let mut world =
        World::pinned(Upstream::scripted(|_| async { text("hello") }).await, &["--log-level", "info"]).await;
    let line = |path: &'static str| move |line: &Value| line["path"] == path;
    send(world.proxy.proxy, get("/before", &[])).await;
    world.proxy.signal("USR1");
    world.proxy.logged(|line| line["msg"] == "logging at debug until told again").await;
    send(world.proxy.proxy, get("/between", &[])).await;
    world.proxy.logged(line("/between")).await;
    world.proxy.signal("USR1");
    world.proxy.logged(|line| line["msg"] == "logging at --log-level again").await;
    send(world.proxy.proxy, get("/after", &[])).await;
    world.proxy.signal("TERM");
    tokio::time::timeout(WAIT_LIMIT, world.proxy.ended()).await.unwrap();
    world.proxy.logged(|line| line["msg"] == "stopped").await;
    let log = world.proxy.log();
    assert!(!log.iter().any(line("/before")) && !log.iter().any(line("/after")), "{log:?}");
}
