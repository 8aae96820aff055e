//! Callers choose audiences by naming hosts, and the quota of STS belongs to the whole account.

use crate::support::World;
use crate::support::client::{Http1, get};
use crate::support::upstream::{Upstream, echo};
use futures_util::future::join_all;
use http::StatusCode;
use tokio::time::Instant;

const HOSTS: u64 = 300;
const CONNECTIONS: u64 = 16;
const BURST: u64 = 100;
const PER_SECOND: f64 = 100.0;

#[tokio::test]
async fn new_hosts_cost_a_bounded_number_of_calls_and_hosts_in_use_go_on() {
    let upstream = Upstream::on_every_address(echo).await;
    let port = upstream.address.port();
    let world = World::by_header(upstream, &["--token-cache-capacity", &BURST.to_string()]).await;
    let began = Instant::now();
    let callers = (0..CONNECTIONS).map(|first| {
        let proxy = world.proxy.proxy;
        async move {
            let mut caller = Http1::connect(proxy).await;
            for host in (first..HOSTS).step_by(CONNECTIONS as usize) {
                let new = format!("127.1.{}.{}:{port}", host / 250, 1 + host % 250);
                for name in [new, format!("127.0.0.1:{port}")] {
                    let answer = caller.send(get("/", &[("x-upstream-host", &name)])).await;
                    assert_eq!(answer.status, StatusCode::OK, "{name}");
                }
            }
        }
    });
    join_all(callers).await;
    let most = BURST as f64 + 1.0 + PER_SECOND * began.elapsed().as_secs_f64();
    let calls = world.sts.mints();
    assert_eq!(calls, HOSTS + 1);
    assert!(calls as f64 <= most, "{calls} calls in {:?}", began.elapsed());
}
