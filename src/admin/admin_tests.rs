use super::*;
use crate::activity::Limits;
use crate::admin::status::Listeners;
use crate::clock::Clock;
use crate::config::Config;
use crate::credential::{CredentialSource, Fetch};
use crate::credential::{cache::CredentialCache, settings::Settings};
use crate::model::credential_spec::CredentialSpec;
use crate::proxy::pools::Pools;
use crate::proxy::route_table::Routes;
use crate::server::stream::Stream as Socket;
use crate::tasks::Tasks;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::recent::Recent;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

const LIMITS: Limits =
    Limits { header_read_timeout: Duration::from_secs(10), idle_timeout: Duration::from_secs(180) };

struct Running {
    address: SocketAddr,
    readiness: Readiness,
    metrics: Metrics,
    shutdown: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

/// A source that is never asked.
struct NoTokens;

impl CredentialSource for NoTokens {
    fn fetch<'a>(&'a self, _: &'a CredentialSpec) -> Fetch<'a> {
        Box::pin(std::future::pending())
    }
}

fn sources(metrics: &Metrics, readiness: &Readiness) -> Sources {
    let (clock, config) = (Clock::system(), Config::from_args([""; 0]).unwrap());
    let tokens = Settings {
        clock,
        fetch_timeout: config.tokens.fetch_timeout,
        capacity: config.tokens.cache_capacity,
        metrics: metrics.clone(),
    };
    Sources {
        clock,
        started: clock.now(),
        listeners: Listeners {
            callers: "127.0.0.1:8080".to_owned(),
            metrics: "127.0.0.1:9090".to_owned(),
            tls: false,
            client_certificates: false,
        },
        readiness: readiness.clone(),
        metrics: metrics.clone(),
        connections: Tasks::default(),
        tokens: CredentialCache::new(Arc::new(NoTokens), tokens),
        routes: Routes::default(),
        pools: Pools::new(&Tasks::default()),
        recent: Recent::default(),
        config,
    }
}

#[expect(clippy::disallowed_methods, reason = "the test owns this task and waits for it where that matters")]
async fn start_with(metrics: Metrics, path: &str) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let readiness = Readiness::new();
    let (shutdown, ended) = oneshot::channel::<()>();
    let pages = router(path, sources(&metrics, &readiness));
    let task = tokio::spawn(server::serve(
        async move || Socket::Tcp(listener.accept().await.unwrap().0),
        pages,
        LIMITS,
        async move {
            let _ = ended.await;
        },
    ));
    Running { address, readiness, metrics, shutdown, task }
}

async fn start() -> Running {
    start_with(Metrics::new(1000).unwrap(), "/metrics").await
}

impl Running {
    /// The whole answer as it came over the wire, the header in lower case.
    async fn ask(&self, method: &str, path: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    async fn status_and_body(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.ask("GET", path).await;
        (status, body)
    }
}

#[tokio::test]
async fn the_process_is_alive_even_while_it_is_not_ready() {
    let admin = start().await;
    let _hold = admin.readiness.hold("first token");
    assert_eq!(admin.status_and_body("/healthz").await, (200, "ok\n".to_owned()));
}

#[tokio::test]
async fn not_ready_names_what_is_missing_and_comes_and_goes() {
    let admin = start().await;
    assert_eq!(admin.status_and_body("/readyz").await, (200, "ready\n".to_owned()));
    let token = admin.readiness.hold("first token");
    let drain = admin.readiness.hold("draining");
    assert_eq!(
        admin.status_and_body("/readyz").await,
        (503, "waiting for: first token, draining\n".to_owned())
    );
    drop(token);
    assert_eq!(admin.status_and_body("/readyz").await, (503, "waiting for: draining\n".to_owned()));
    drop(drain);
    assert_eq!(admin.status_and_body("/readyz").await, (200, "ready\n".to_owned()));
}

#[tokio::test]
async fn a_scrape_is_prometheus_text_that_nobody_stores() {
    let admin = start().await;
    admin.metrics.request_started();
    let (status, head, body) = admin.ask("GET", "/metrics?name=x").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{head}");
    assert!(head.contains("cache-control: no-store"), "{head}");
    let gauge = body.lines().find(|line| line.starts_with("http_server_active_requests{")).unwrap();
    assert!(gauge.ends_with(" 1"), "{gauge}");
}

#[tokio::test]
async fn only_reading_is_allowed_and_only_what_exists() {
    let admin = start().await;
    for path in ["/metrics", "/healthz", "/readyz", "/status", "/"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
            let (status, head, _) = admin.ask(method, path).await;
            assert_eq!(status, 405, "{method} {path}");
            assert!(head.contains("allow: get, head"), "{head}");
        }
        let (status, head, body) = admin.ask("HEAD", path).await;
        assert_eq!((status, body.as_str()), (200, ""), "{path}");
        assert!(head.contains("content-type: "), "{head}");
    }
    for path in ["//", "/metrics/", "/Metrics", "/healthz/x", "//metrics", "/status.html"] {
        let (status, head, _) = admin.ask("GET", path).await;
        assert_eq!(status, 404, "{path}");
        assert!(head.contains("cache-control: no-store"), "{head}");
    }
}

#[tokio::test]
async fn any_metrics_path_is_taken_as_it_stands() {
    for path in ["/", "/{x}", "/:id", "/*rest", "/a%20b", "/healthz"] {
        let admin = start_with(Metrics::new(10).unwrap(), path).await;
        let (status, body) = admin.status_and_body(path).await;
        assert!(status == 200 && body.contains("# TYPE"), "{path}: {status}");
    }
}

#[tokio::test]
async fn disabled_metrics_are_not_found_and_health_goes_on() {
    let admin = start_with(Metrics::disabled(), "/metrics").await;
    assert_eq!(admin.status_and_body("/metrics").await.0, 404);
    assert_eq!(admin.status_and_body("/healthz").await.0, 200);
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_cannot_hold_the_end() {
    let admin = start().await;
    let mut half_open = TcpStream::connect(admin.address).await.unwrap();
    half_open.write_all(b"GET /healthz HTTP/1.1\r\nHost:").await.unwrap();
    // A second connection is accepted after the first, so its answer shows that the first is being served.
    assert_eq!(admin.status_and_body("/healthz").await.0, 200);
    let begun = Instant::now();
    admin.shutdown.send(()).unwrap();
    timeout(Duration::from_secs(5), admin.task).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_idle_connection_is_closed_at_the_end_without_waiting() {
    let admin = start().await;
    let mut idle = TcpStream::connect(admin.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let begun = Instant::now();
    admin.shutdown.send(()).unwrap();
    admin.task.await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
}
