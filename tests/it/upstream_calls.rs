//! Each request that is sent to an upstream is counted once in `http_client_request_duration_seconds`, however it ends.

use crate::support::client::{get, http2, send};
use crate::support::program::{Program, WAIT_LIMIT};
use crate::support::upstream::{Reply, Upstream, text};
use crate::support::websocket::ask;
use crate::support::{World, metric, scrape, spawn};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use std::future::pending;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An upstream that answers `/` and nothing else.
async fn hanging() -> Upstream {
    let script = async |request: Request<Incoming>| -> Reply {
        match request.uri().path() {
            "/" => text("hello"),
            _ => pending().await,
        }
    };
    Upstream::scripted(script).await
}

/// Each series of finished calls as its `error_type` and count, once no request runs.
async fn calls(proxy: &Program) -> Vec<String> {
    let at_rest = async {
        while metric(proxy, "http_server_active_requests{").await > 0.0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(WAIT_LIMIT, at_rest).await.unwrap();
    let text = scrape(proxy).await;
    let series =
        text.lines().filter_map(|line| line.strip_prefix("http_client_request_duration_seconds_count{"));
    let counted = series.map(|labels| {
        let error = labels.strip_prefix("error_type=\"").and_then(|rest| rest.split('"').next());
        assert!(labels.contains("token_result=\"ok\""), "{labels}");
        format!("{} {}", error.unwrap_or("ok"), labels.rsplit(' ').next().unwrap())
    });
    let mut counted: Vec<String> = counted.collect();
    counted.sort();
    counted
}

/// Sends these bytes, and resets the connection once the upstream has the request. A close that comes together with the
/// request could be a half-close.
async fn leave_after(world: &World, bytes: &str) {
    let mut caller = TcpStream::connect(world.proxy.proxy).await.unwrap();
    caller.write_all(bytes.as_bytes()).await.unwrap();
    world.upstream.requests(1).await;
    caller.set_zero_linger().unwrap();
}

#[tokio::test]
async fn a_call_whose_caller_leaves_is_counted_as_unknown() {
    let websocket = "GET /chat HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    for bytes in [
        "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody",
        "POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf",
        websocket,
    ] {
        let world = World::pinned(hanging().await, &[]).await;
        leave_after(&world, bytes).await;
        assert_eq!(calls(&world.proxy).await, ["unknown 1"], "{bytes}");
    }
}

#[tokio::test]
async fn a_call_whose_caller_resets_its_stream_is_counted_as_unknown() {
    let slow = Request::get("http://p/slow").body(Default::default()).unwrap();
    for request in [slow, ask(Some("websocket"))] {
        let world = World::pinned(hanging().await, &[]).await;
        let (sender, _connection) = http2(world.proxy.proxy).await;
        let answer = sender.clone().send_request(request);
        let asking = spawn(async { answer.await.map(drop).unwrap_or_default() });
        world.upstream.requests(1).await;
        drop(asking);
        assert_eq!(calls(&world.proxy).await, ["unknown 1"]);
    }
}

#[tokio::test]
async fn a_call_that_times_out_or_is_answered_is_counted_once() {
    let world = World::pinned(hanging().await, &["--upstream-timeout", "100ms"]).await;
    assert_eq!(send(world.proxy.proxy, get("/slow", &[])).await.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    assert_eq!(calls(&world.proxy).await, ["ok 1", "timeout 1"]);
}

#[tokio::test]
async fn a_request_that_is_refused_here_is_no_call() {
    let world = World::by_header(hanging().await, &["--deny-address", "127.0.0.0/8"]).await;
    let host = world.upstream.authority();
    let refused = send(world.proxy.proxy, get("/", &[("x-upstream-host", &host)])).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(calls(&world.proxy).await, [""; 0]);
}
