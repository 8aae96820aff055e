//! Callers choose which upstreams they name, and so the values of labels. What they can make of a scrape is bounded.

use crate::support::client::{Http1, get};
use crate::support::program::Program;
use crate::support::upstream::{Upstream, text};
use crate::support::{Sts, World, metric, scrape};
use futures_util::future::join_all;
use http::StatusCode;
use std::net::Ipv4Addr;

/// Each host makes one series of 19 lines; the names of this test's are shorter than a caller may choose.
const MAX_BYTES: usize = 2_000_000;
const SERIES: usize = 100;
const COUNTER_SERIES: usize = 120;
const EXPIRIES: usize = 400;

#[tokio::test]
async fn fifty_thousand_hosts_make_a_hundred_series_and_the_overflow_counts_the_rest() {
    const HOSTS: u32 = 50_000;
    let sts = Sts::start().await;
    let flags = ["--upstream-scheme", "http", "--allow-address", "127.0.0.0/8", "--token-audience", "one"];
    let proxy = Program::serve(&sts.url, &[&flags[..], &["--log-level", "info"]].concat()).await;
    // Nothing listens on port 1, so that no more than the proxy's own work is waited for.
    name_hosts(&proxy, HOSTS, 1, StatusCode::BAD_GATEWAY).await;

    let text = scrape(&proxy).await;
    let count = "http_client_request_duration_seconds_count";
    let series: Vec<&str> = text.lines().filter(|line| line.starts_with(count)).collect();
    assert_eq!(series.len(), SERIES + 1);
    assert_eq!(counted(&series), u64::from(HOSTS));
    let rest = format!("{count}{{otel_metric_overflow=\"true\"");
    assert_eq!(metric(&proxy, &rest).await, f64::from(HOSTS) - SERIES as f64);
    assert!(text.len() < MAX_BYTES, "{} bytes", text.len());
}

#[tokio::test]
async fn audiences_that_callers_choose_make_few_series() {
    const HOSTS: u32 = 1500;
    let upstream = Upstream::on_every_address(|_| async { text("hello") }).await;
    let flags = ["--token-signing-algorithm", "ES384", "--log-level", "info"];
    let world = World::by_header(upstream, &flags).await;
    name_hosts(&world.proxy, HOSTS, world.upstream.address.port(), StatusCode::OK).await;

    let text = scrape(&world.proxy).await;
    for count in ["token_fetch_count_total", "token_cache_miss_count_total"] {
        let series: Vec<&str> = text.lines().filter(|line| line.starts_with(&format!("{count}{{"))).collect();
        assert_eq!(series.len(), COUNTER_SERIES + 1, "{count}");
        assert_eq!(counted(&series), u64::from(HOSTS), "{count}");
    }
    let held = text.lines().filter(|line| line.starts_with("token_expiry_timestamp_seconds{")).count();
    assert!(held <= EXPIRIES + 1, "{held}");
    assert!(text.len() < MAX_BYTES, "{} bytes", text.len());
}

/// One request for each of so many loopback addresses, over a few connections.
async fn name_hosts(proxy: &Program, hosts: u32, port: u16, expected: StatusCode) {
    const CONNECTIONS: u32 = 16;
    let callers = (0..CONNECTIONS).map(|first| async move {
        let mut connection = Http1::connect(proxy.proxy).await;
        for host in (first..hosts).step_by(CONNECTIONS as usize) {
            let address = Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + host);
            let name = format!("{address}:{port}");
            let answer = connection.send(get("/", &[("x-upstream-host", &name)])).await;
            assert_eq!(answer.status, expected, "{name}");
        }
    });
    join_all(callers).await;
}

fn counted(series: &[&str]) -> u64 {
    series.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}
