//! Connections that are silent are probed by the system (TCP keepalive), on every side of the proxy, before a NAT gateway
//! forgets them.

use crate::support::Sts;
use crate::support::certificates::ELSEWHERE;
use crate::support::program::{Program, WAIT_LIMIT, command};
use crate::support::wire::{END, Line, Wire};
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;

/// The end of a connection whose probes are asked for.
enum End {
    /// What was accepted on this port.
    On(SocketAddr),
    /// What was connected to this port.
    To(SocketAddr),
}

/// In how long the first probe goes out, where one does (proc_pid_net(5): `tr` is 2 and `tm->when` in hundredths of a second).
fn next_probe(end: &End) -> Option<Duration> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let mut ends = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (address, port) = match end {
            End::On(address) => (fields[1], address.port()),
            End::To(address) => (fields[2], address.port()),
        };
        let established = fields[3] == "01";
        (established && address.ends_with(&format!(":{port:04X}"))).then(|| fields[5].to_owned())
    });
    let (timer, when) =
        ends.next().unwrap().split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    (timer == "02").then(|| Duration::from_millis(u64::from_str_radix(&when, 16).unwrap() * 10))
}

fn assert_probed(end: &End, whose: &str) {
    let first = next_probe(end).unwrap_or_else(|| panic!("the {whose}'s connection is not probed"));
    assert!(first <= Duration::from_secs(60), "the {whose}'s connection is probed after {first:?}");
}

/// The first connection, after the header of its first request.
async fn asked(listener: &TcpListener) -> Line {
    let (stream, _) = timeout(WAIT_LIMIT, listener.accept()).await.unwrap().unwrap();
    let mut line = Line::over(stream);
    line.until(END).await;
    line
}

#[tokio::test]
async fn connections_of_callers_and_to_upstreams_are_probed() {
    let wire = Wire::start(&[]).await;
    let _caller = wire.caller(&format!("GET / HTTP/1.1\r\nHost: a{END}")).await;
    let mut upstream = wire.upstream().await;
    upstream.until(END).await;
    assert_probed(&End::On(wire.proxy.proxy), "caller");
    assert_probed(&End::To(wire.address()), "upstream");
    let _scraper = Line::to(wire.proxy.admin).await;
    assert_probed(&End::On(wire.proxy.admin), "scraper");
}

#[tokio::test]
async fn connections_to_a_parent_proxy_are_probed() {
    let (sts, parent) = (Sts::start().await, TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = parent.local_addr().unwrap();
    let mut command = command(&sts.url);
    command.env("HTTPS_PROXY", address.to_string()).env("NO_PROXY", "127.0.0.1");
    let proxy = Program::start(command, &["--upstream-host", ELSEWHERE]).await;
    let mut caller = Line::to(proxy.proxy).await;
    caller.send(&format!("GET / HTTP/1.1\r\nHost: a{END}")).await;
    let _tunnel = asked(&parent).await;
    assert_probed(&End::To(address), "parent proxy");
}

#[tokio::test]
async fn connections_to_a_collector_are_probed() {
    let (sts, collector) = (Sts::start().await, TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = collector.local_addr().unwrap();
    let mut command = command(&sts.url);
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"))
        .env("OTEL_METRIC_EXPORT_INTERVAL", "100");
    let _proxy = Program::start(command, &["--upstream-host", ELSEWHERE]).await;
    let _export = asked(&collector).await;
    assert_probed(&End::To(address), "collector");
}
