//! Many callers and many upstreams at once: what they cost STS and this process.

#![expect(clippy::print_stdout, reason = "a measurement is to be read")]

use crate::support::client::{Http1, get};
use crate::support::upstream::{Upstream, echo};
use crate::support::{Sts, World, metric};
use attache::emulator::api_error::ErrorCode;
use http::StatusCode;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

#[tokio::test]
async fn a_denied_audience_under_a_thousand_requests_a_second() {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.error = Some(ErrorCode::AccessDenied));
    let world = World::pinned_with(sts, Upstream::echo().await, &["--log-level", "info"]).await;
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        callers.spawn(ask_for_thirty_seconds(world.proxy.proxy));
    }
    let mut times = Vec::new();
    while let Some(taken) = callers.join_next().await {
        times.extend(taken.unwrap());
    }
    times.sort_unstable();
    let (count, slowest) = (times.len(), times[times.len() - 1]);
    let usual = times[count * 99 / 100];
    println!("{count} answers, 99 % within {usual:?}, slowest {slowest:?}, {} calls", world.sts.mints());
    assert_eq!(count, 30_000);
    // An idle machine answers within milliseconds. This bound only tells an answer at once from one that waited for STS.
    assert!(usual < Duration::from_millis(500), "{usual:?}");
    // Ten calls in thirty seconds; a machine that needs longer for the requests sees more of both.
    let most = 1.0 + began.elapsed().as_secs_f64() / 3.5;
    assert!(world.sts.mints() as f64 <= most, "{} calls in {:?}", world.sts.mints(), began.elapsed());
}

/// Twenty requests a second; how long each answer took.
async fn ask_for_thirty_seconds(address: std::net::SocketAddr) -> Vec<Duration> {
    let mut caller = Http1::connect(address).await;
    let mut ticks = interval(Duration::from_millis(50));
    let mut times = Vec::new();
    for _ in 0..600 {
        ticks.tick().await;
        let asked = Instant::now();
        assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::BAD_GATEWAY);
        times.push(asked.elapsed());
    }
    times
}

#[tokio::test]
async fn three_thousand_upstreams_hold_no_more_than_the_capacity() {
    let upstream = Upstream::on_every_address(echo).await;
    let port = upstream.address.port();
    let world = World::by_header(upstream, &["--log-level", "info", "--token-cache-capacity", "500"]).await;
    let mut caller = Http1::connect(world.proxy.proxy).await;
    let mut sizes = Vec::new();
    for number in 0..3000 {
        let name = format!("127.1.{}.{}:{port}", number / 250, 1 + number % 250);
        assert_eq!(caller.send(get("/", &[("x-upstream-host", &name)])).await.status, StatusCode::OK);
        if number % 600 == 599 {
            assert_eq!(metric(&world.proxy, "token_cached_audiences{").await, 500.0);
            sizes.push(resident_kib(world.proxy.pid()));
        }
    }
    println!("resident KiB after each six hundred upstreams: {sizes:?}");
    let (second, last) = (sizes[1], sizes[4]);
    assert!(last < second + second / 2, "memory grows with every upstream: {sizes:?}");
    assert_eq!(world.sts.mints(), 3000);
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
