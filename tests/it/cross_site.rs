//! What pages of the web have a browser on this machine send, and may not get.

use crate::support::client::{Answer, get, send};
use crate::support::program::Program;
use crate::support::upstream::Upstream;
use crate::support::{World, metric};
use http::StatusCode;
use std::net::SocketAddr;

async fn ask(proxy: SocketAddr, site: &str, more: &[(&str, &str)]) -> Answer {
    let headers = [&[("origin", "https://evil.example"), ("sec-fetch-site", site)], more].concat();
    send(proxy, get("/", &headers)).await
}

#[tokio::test]
async fn a_listener_on_loopback_refuses_what_pages_of_other_sites_ask_for() {
    let world = World::by_header(Upstream::echo().await, &[]).await;
    let (authority, proxy) = (world.upstream.authority(), world.proxy.proxy);
    let to = ("x-upstream-host", authority.as_str());
    for site in ["cross-site", "same-site"] {
        let answer = ask(proxy, site, &[to]).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::FORBIDDEN, "cross-site request refused\n"));
        assert_eq!(answer.header("proxy-status"), Some("attache; error=http_request_denied"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let call = ask(proxy, "cross-site", &[to, ("content-type", "application/grpc")]).await;
    assert_eq!((call.status, call.header("grpc-status")), (StatusCode::OK, Some("7")));
    assert_eq!(world.sts.mints(), 0);
    assert!(world.upstream.seen().is_empty());
    let denied = metric(&world.proxy, "policy_denied_total{reason=\"cross_site\"").await;
    assert!((denied - 3.0).abs() < 0.1, "{denied}");
    for site in ["same-origin", "none"] {
        assert_eq!(ask(proxy, site, &[to]).await.status, StatusCode::OK, "{site}");
    }
}

#[tokio::test]
async fn a_listener_for_other_machines_forwards_what_their_programs_pass_on() {
    let world = World::pinned(Upstream::echo().await, &["--listen-addr", ":0"]).await;
    let proxy = SocketAddr::from(([127, 0, 0, 1], world.proxy.proxy.port()));
    assert_eq!(ask(proxy, "cross-site", &[]).await.status, StatusCode::OK);
    assert_eq!(world.upstream.only_request().only("sec-fetch-site"), Some("cross-site"));
}

async fn status_of(admin: &Program, path: &str, host: &str) -> StatusCode {
    send(admin.admin, get(path, &[("host", host)])).await.status
}

#[tokio::test]
async fn the_status_is_not_for_pages_whose_name_was_made_to_lead_here() {
    let world = World::start().await;
    for path in ["/status", "/"] {
        for host in ["evil.example", "evil.example:9090", "localhost.evil.example", "local.example", "a b"] {
            assert_eq!(status_of(&world.proxy, path, host).await, StatusCode::FORBIDDEN, "{path} {host}");
        }
        for host in ["localhost", "LOCALHOST:9090", "127.0.0.1:9090", "[::1]:9090", "10.0.0.1"] {
            assert_eq!(status_of(&world.proxy, path, host).await, StatusCode::OK, "{path} {host}");
        }
        // Names that cannot be registered: of a container, of a Service, of a machine on the local network.
        for host in
            ["attache", "attache.apps.svc.cluster.local:9090", "laptop.local", "ip-10-0-0-1.ec2.internal"]
        {
            assert_eq!(status_of(&world.proxy, path, host).await, StatusCode::OK, "{path} {host}");
        }
    }
    // With the first response there is a token, and the proxy is ready.
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    // Scrapers and probes call it what they like.
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(status_of(&world.proxy, path, "attache.internal").await, StatusCode::OK, "{path}");
    }
}
