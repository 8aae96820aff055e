//! The second listener: health, readiness and metrics, as a scraper and an orchestrator see them.

use crate::support::client::{get, send};
use crate::support::program::WAIT_LIMIT;
use crate::support::upstream::Upstream;
use crate::support::{Sts, World, metric};
use attache::emulator::faults::Outage;
use http::StatusCode;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn it_is_alive_before_it_is_ready_and_ready_with_the_first_token() {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.outage = Some(Outage::try_from(503).unwrap()));
    let mut world = World::pinned_with(sts, Upstream::echo().await, &[]).await;
    let alive = send(world.proxy.admin, get("/healthz", &[])).await;
    assert_eq!((alive.status, alive.text()), (StatusCode::OK, "ok\n"));
    let ready = send(world.proxy.admin, get("/readyz", &[])).await;
    assert_eq!((ready.status, ready.text()), (StatusCode::SERVICE_UNAVAILABLE, "waiting for: token\n"));
    world.sts.handle.update_faults(|faults| faults.outage = None);
    world.proxy.logged(|line| line["msg"].as_str().unwrap().starts_with("token obtained")).await;
    let ready = send(world.proxy.admin, get("/readyz", &[])).await;
    assert_eq!((ready.status, ready.text()), (StatusCode::OK, "ready\n"));
}

#[tokio::test]
async fn the_proxys_own_port_serves_none_of_it() {
    let world = World::start().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        send(world.proxy.proxy, get(path, &[])).await;
        assert_eq!(world.upstream.seen().last().unwrap().uri.path(), path);
    }
    assert_eq!(send(world.proxy.admin, get("/other", &[])).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn requests_are_counted_once_under_the_contracts_names() {
    let mut world = World::start().await;
    world.proxy.logged(|line| line["msg"] == "token obtained").await;
    for _ in 0..3 {
        send(world.proxy.proxy, get("/", &[])).await;
    }
    let scope = concat!("otel_scope_name=\"attache\",otel_scope_version=\"", env!("CARGO_PKG_VERSION"), "\"");
    let server = "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"200\"";
    let port = world.upstream.address.port();
    let client = format!(
        "http_client_request_duration_seconds_count{{server_address=\"localhost\",server_port=\"{port}\",token_result=\"ok\""
    );
    let hits = "token_cache_hit_count_total{audience=\"http://localhost\"";
    let fetches = "token_fetch_count_total{audience=\"http://localhost\",result=\"ok\"";
    for (series, expected) in [(server, 3.0), (&client, 3.0), (hits, 3.0), (fetches, 1.0)] {
        assert_eq!(metric(&world.proxy, &format!("{series},{scope}")).await, expected, "{series}");
    }
    assert_eq!(metric(&world.proxy, "http_server_active_requests{").await, 0.0);
}

#[tokio::test]
async fn the_metrics_path_can_be_chosen_and_metrics_can_be_turned_off() {
    for path in ["/internal/prometheus", "/"] {
        let world = World::pinned(Upstream::echo().await, &["--metrics-path", path]).await;
        let scrape = send(world.proxy.admin, get(path, &[])).await;
        assert_eq!(scrape.status, StatusCode::OK);
        assert!(scrape.text().contains("# TYPE http_server_active_requests gauge"), "{path}");
        assert_eq!(send(world.proxy.admin, get("/metrics", &[])).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn each_request_leaves_one_line_and_no_line_holds_a_secret() {
    let mut world = World::start().await;
    send(world.proxy.proxy, get("/v1/items?key=secret-query", &[("authorization", "Bearer callers-secret")]))
        .await;
    let line = world.proxy.logged(|line| line["msg"] == "request").await;
    assert_eq!(line["method"], "GET");
    assert_eq!(line["path"], "/v1/items");
    assert_eq!(line["target"], format!("http://{}", world.upstream.authority()));
    assert_eq!(line["status"], 200);
    assert!(line["duration_us"].as_u64().unwrap() > 0);
    let token = world.upstream.only_request().token().to_owned();
    let log = format!("{:?}", world.proxy.log());
    let scrape = send(world.proxy.admin, get("/metrics", &[])).await;
    for secret in [token.as_str(), "callers-secret", "secret-query"] {
        assert!(!log.contains(secret) && !scrape.text().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_access_log_is_written_at_any_level() {
    let sts = Sts::start().await;
    let upstream = Upstream::echo().await;
    // At this level nothing says where the proxy listens, so it gets a loopback address of this test's own.
    let address = "127.7.7.7:18080";
    let mut child = crate::support::program::command(&sts.url)
        .args(["--upstream-scheme", "http", "--upstream-host", &upstream.authority()])
        .args(["--log-level", "error", "--access-log", "--listen-addr", address, "--metrics-enabled=false"])
        .spawn()
        .unwrap();
    let listening = async {
        while TcpStream::connect(address).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(WAIT_LIMIT, listening).await.unwrap();
    send(address.parse().unwrap(), get("/", &[])).await;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(WAIT_LIMIT, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(line.contains("\"msg\":\"request\"") && line.contains("\"status\":200"), "{line}");
}
