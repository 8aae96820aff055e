//! The files that connections to upstreams take of those that the process may open.

use crate::support::client::{Http1, get, http2, send};
use crate::support::program::{Program, WAIT_LIMIT, command_by_shell};
use crate::support::upstream::{Upstream, echo};
use crate::support::{Sts, metric};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use http::StatusCode;
use serde_json::Value;
use std::future::pending;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A proxy that may open 64 files.
async fn limited(sts: &Sts, flags: &[&str]) -> Program {
    let command = command_by_shell(&sts.url, "ulimit -n 64; exec \"$0\" \"$@\"");
    Program::start(command, &[&["--upstream-scheme", "http"], flags].concat()).await
}

#[tokio::test]
async fn a_caller_that_names_many_upstreams_leaves_files_for_others() {
    for protocol in ["http1", "http2"] {
        let (sts, upstream) = (Sts::start().await, Upstream::on_every_address(echo).await);
        let flags = ["--allow-address", "127.0.0.0/8", "--upstream-protocol", protocol];
        let fixed = ["--token-audience", "https://api.example.com"];
        let proxy = limited(&sts, &[&flags[..], &fixed[..]].concat()).await;
        let mut caller = Http1::connect(proxy.proxy).await;
        for last in 1..=100 {
            let name = format!("127.0.0.{last}:{}", upstream.address.port());
            let status = caller.send(get("/", &[("x-upstream-host", &name)])).await.status;
            assert_eq!(status, StatusCode::OK, "upstream {last} over {protocol}");
        }
        let status: Value = {
            let answer = send(proxy.admin, get("/status", &[])).await;
            serde_json::from_slice(&answer.body).unwrap()
        };
        let known = status["upstreams"]["known"].as_u64().unwrap();
        assert!((8..=16).contains(&known), "{known} are kept over {protocol}");
        assert!(metric(&proxy, "process_open_fds").await < 50.0);
    }
}

#[tokio::test]
async fn requests_beyond_the_files_are_told_so_and_unused_connections_give_theirs() {
    let sts = Sts::start().await;
    let upstream = Upstream::scripted(|request| async move {
        if request.uri().path() == "/slow" {
            sleep(Duration::from_secs(2)).await;
        }
        echo(request).await
    });
    let upstream = upstream.await;
    let mut proxy = limited(&sts, &["--upstream-host", &upstream.authority()]).await;
    let (caller, _connection) = http2(proxy.proxy).await;
    let asked = (0..80).map(async |_| {
        let answer = caller.clone().send_request(get("http://p/slow", &[])).await.unwrap();
        let reason = answer.headers().get("proxy-status").cloned();
        (answer.status(), reason)
    });
    let answers = join_all(asked).await;
    let served = answers.iter().filter(|(status, _)| *status == StatusCode::OK).count();
    assert!((8..=16).contains(&served), "{served} were served");
    for (status, reason) in answers.into_iter().filter(|(status, _)| *status != StatusCode::OK) {
        let reason = reason.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(reason, "attache; error=proxy_internal_error; details=\"out of files\"");
    }
    let line = proxy.logged(|line| line["code"] == "out_of_files").await;
    assert_eq!(line["error"], "no file descriptor is left for a connection");
    assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn requests_without_end_leave_files_for_callers_and_health() {
    let sts = Sts::start().await;
    let upstream = Upstream::scripted(|request| async move {
        if request.uri().path() == "/hang" {
            pending::<()>().await;
        }
        echo(request).await
    });
    let upstream = upstream.await;
    let proxy = limited(&sts, &["--upstream-host", &upstream.authority()]).await;
    let (caller, connection) = http2(proxy.proxy).await;
    let mut asked: FuturesUnordered<_> =
        (0..80).map(|_| caller.clone().send_request(get("http://p/hang", &[]))).collect();
    // A quarter of the files is for upstreams, and each request that hangs has one.
    let refused: Vec<_> = timeout(WAIT_LIMIT, asked.by_ref().take(80 - 16).collect()).await.unwrap();
    for answer in refused {
        assert_eq!(answer.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    let mut others = Vec::new();
    for _ in 0..10 {
        let mut other = Http1::connect(proxy.proxy).await;
        assert_eq!(other.send(get("/", &[])).await.status, StatusCode::SERVICE_UNAVAILABLE);
        others.push(other);
    }
    assert_eq!(send(proxy.admin, get("/healthz", &[])).await.status, StatusCode::OK);
    assert!(metric(&proxy, "process_open_fds").await < 64.0);
    drop((asked, caller, connection));
    let served = async { while others[0].send(get("/", &[])).await.status != StatusCode::OK {} };
    timeout(WAIT_LIMIT, served).await.unwrap();
}
