//! Listeners that are given by name, or on every interface.

use crate::support::client::{get, send};
use crate::support::program::Program;
use crate::support::upstream::Upstream;
use crate::support::{Sts, World};
use http::StatusCode;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};

/// The addresses that the log names, with their port.
fn logged(proxy: &Program, field: &str) -> Vec<SocketAddr> {
    let log = proxy.log();
    let listening = log.iter().find(|line| line["msg"] == "listening").unwrap();
    listening[field].as_str().unwrap().split(", ").map(|address| address.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_name_is_listened_on_at_each_of_its_addresses() {
    let sts = Sts::start().await;
    let flags = ["--upstream-host", "127.0.0.1:1", "--metrics-listen-addr", "localhost:0"];
    let proxy = Program::serve(&sts.url, &[&flags[..], &["--listen-addr", "localhost:0"]].concat()).await;
    let callers = logged(&proxy, "listen_addr");
    let expected: Vec<SocketAddr> = ("localhost", callers[0].port()).to_socket_addrs().unwrap().collect();
    for address in &callers {
        assert!(expected.contains(address), "{address} is no address of localhost with the first port");
        assert_eq!(send(*address, get("/", &[])).await.status, StatusCode::BAD_GATEWAY, "{address}");
    }
    assert!(callers[0].is_ipv4(), "{callers:?}");
    for address in logged(&proxy, "metrics_listen_addr") {
        assert_eq!(send(address, get("/healthz", &[])).await.status, StatusCode::OK, "{address}");
    }
}

#[tokio::test]
async fn every_interface_hears_ipv4() {
    let world = World::pinned(Upstream::echo().await, &["--listen-addr", ":0"]).await;
    let address = (Ipv4Addr::LOCALHOST, world.proxy.proxy.port()).into();
    assert_eq!(send(address, get("/", &[])).await.status, StatusCode::OK);
}
