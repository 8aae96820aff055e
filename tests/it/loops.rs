//! Requests that would come back to the proxy that sends them.

use crate::support::client::{Answer, get, send};
use crate::support::program::Program;
use crate::support::upstream::{Upstream, text};
use crate::support::{Sts, World, scrape};
use http::StatusCode;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpListener;

const HEADER: &str = "x-upstream-host";

fn assert_loop(answer: &Answer) {
    assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "upstream error\n"));
    assert_eq!(answer.header("proxy-status"), Some("attache; error=proxy_loop_detected"));
}

/// How many requests the proxy has answered.
async fn answered(proxy: &Program) -> f64 {
    let scrape = scrape(proxy).await;
    let counts = scrape.lines().filter(|line| line.starts_with("http_server_request_duration_seconds_count"));
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[tokio::test]
async fn a_pinned_proxy_does_not_call_itself() {
    let sts = Sts::start().await;
    for listen in ["127.0.0.1", ""] {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let (listen, host) = (format!("{listen}:{}", free.port()), free.to_string());
        let flags = ["--upstream-host", &host, "--upstream-scheme", "http", "--listen-addr", &listen];
        let mut proxy = Program::serve(&sts.url, &flags).await;
        assert_loop(&send(free, get("/", &[])).await);
        assert!((answered(&proxy).await - 1.0).abs() < 0.1);
        let line = proxy.logged(|line| line["msg"] == "upstream error").await;
        assert_eq!((line["code"].as_str(), line["level"].as_str()), (Some("proxy_loop"), Some("ERROR")));
    }
}

#[tokio::test]
async fn callers_cannot_name_a_listener_of_the_proxy() {
    let world = World::by_header(Upstream::echo().await, &["--listen-addr", ":0"]).await;
    let port = world.proxy.proxy.port();
    for name in [format!("127.0.0.1:{port}"), format!("127.8.8.8:{port}"), world.proxy.admin.to_string()] {
        let proxy: SocketAddr = ([127, 0, 0, 1], port).into();
        assert_loop(&send(proxy, get("/status", &[(HEADER, &name)])).await);
    }
    assert_eq!(world.sts.mints(), 0);
}

#[tokio::test]
async fn a_request_that_others_lead_back_is_known_again() {
    let proxy: Arc<OnceLock<SocketAddr>> = Arc::default();
    let back = proxy.clone();
    let upstream = Upstream::scripted(move |request| {
        let proxy = *back.get().unwrap();
        async move {
            let headers = request.headers().iter();
            let headers: Vec<_> =
                headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
            let answer = send(proxy, get("/", &headers)).await;
            let mut reply = text(answer.text().to_owned());
            *reply.status_mut() = answer.status;
            *reply.headers_mut() = answer.headers.clone();
            reply
        }
    });
    let world = World::pinned(upstream.await, &[]).await;
    proxy.set(world.proxy.proxy).unwrap();
    assert_loop(&send(world.proxy.proxy, get("/", &[])).await);
    assert_eq!(world.upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_proxy_behind_another_is_no_loop() {
    let world = World::pinned(Upstream::echo().await, &[]).await;
    let behind = world.proxy.proxy.to_string();
    let flags = ["--upstream-host", &behind, "--upstream-scheme", "http"];
    let before = Program::serve(&world.sts.url, &flags).await;
    let answer = send(before.proxy, get("/", &[("cdn-loop", "cdn.example")])).await;
    assert_eq!(answer.status, StatusCode::OK);
    let seen = world.upstream.only_request();
    let marks: Vec<&str> =
        seen.headers.get_all("cdn-loop").iter().map(|mark| mark.to_str().unwrap()).collect();
    let [first, second, third] = marks[..] else { panic!("{marks:?}") };
    assert!(first == "cdn.example" && second != third, "{marks:?}");
    assert!(second.starts_with("attache-") && third.starts_with("attache-"), "{marks:?}");
}
