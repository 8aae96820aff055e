//! The certificate that attache shows to upstreams, and its files when they change.

use crate::support::World;
use crate::support::certificates::Certificates;
use crate::support::client::{get, send};
use crate::support::upstream::{Upstream, echo};
use http::StatusCode;
use serde_json::Value;
use std::fs;

const NEW: &str = "new TLS files are in use";
const REFUSED: &str = "new TLS files cannot be used, so the ones before stay in use";

/// An upstream that accepts no client without a certificate of its authority, and closes after every answer, so that each
/// request shows one.
struct Guarded {
    certificates: Certificates,
    world: World,
}

impl Guarded {
    async fn start(test: &str, shown: &Certificates) -> Self {
        let certificates = Certificates::new(test);
        let upstream = Upstream::start(Some(certificates.acceptor_asking(&[])), |request| async {
            let mut reply = echo(request).await;
            reply.headers_mut().insert("connection", "close".parse().unwrap());
            reply
        });
        let ca = certificates.path("ca.pem");
        let (cert, key) = (shown.path("client.pem"), shown.path("client-key.pem"));
        let flags =
            ["--upstream-ca-cert", &ca, "--upstream-client-cert", &cert, "--upstream-client-key", &key];
        let world = World::pinned(upstream.await, &flags).await;
        Self { certificates, world }
    }

    async fn status(&self) -> StatusCode {
        send(self.world.proxy.proxy, get("/", &[])).await.status
    }

    /// Sends SIGHUP and waits for the first line with this message that says this of what is wrong, if anything.
    async fn hang_up(&mut self, message: &str, error: &str) -> Value {
        self.world.proxy.signal("HUP");
        let says = |line: &Value| line["error"].as_str().unwrap_or_default().contains(error);
        self.world.proxy.logged(|line| line["msg"] == message && says(line)).await
    }
}

fn client(test: &str) -> Certificates {
    let certificates = Certificates::new(test);
    certificates.issue("client.pem", "client-key.pem");
    certificates
}

#[tokio::test]
async fn an_upstream_that_asks_for_a_certificate_is_shown_it() {
    let certificates = Certificates::new("client-known");
    let upstream = Upstream::start(Some(certificates.acceptor_asking(&["h2"])), echo).await;
    let ca = certificates.path("ca.pem");
    let (cert, key) = (certificates.path("cert.pem"), certificates.path("key.pem"));
    let flags = ["--upstream-ca-cert", &ca, "--upstream-client-cert", &cert, "--upstream-client-key", &key];
    let world = World::pinned(upstream, &flags).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);

    let without = World::pinned(world.upstream, &["--upstream-ca-cert", &ca]).await;
    let answer = send(without.proxy.proxy, get("/", &[])).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::BAD_GATEWAY, "upstream error\n"));
}

#[tokio::test]
async fn a_new_pair_is_shown_from_the_next_connection_on() {
    let shown = client("client-renewed");
    let mut guarded = Guarded::start("client-renewed-upstream", &shown).await;
    assert_eq!(guarded.status().await, StatusCode::BAD_GATEWAY, "a stranger vouches for it");
    for (from, to) in [("cert.pem", "client.pem"), ("key.pem", "client-key.pem")] {
        fs::copy(guarded.certificates.path(from), shown.path(to)).unwrap();
    }
    let line = guarded.hang_up(NEW, "").await;
    assert_eq!((line["level"].as_str(), line["used_for"].as_str()), (Some("INFO"), Some("upstreams")));
    assert_eq!(line["certificate_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(guarded.status().await, StatusCode::OK);
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_leaves_the_one_before_in_use() {
    let shown = client("client-broken");
    let mut guarded = Guarded::start("client-broken-upstream", &shown).await;
    for (from, to) in [("cert.pem", "client.pem"), ("key.pem", "client-key.pem")] {
        fs::copy(guarded.certificates.path(from), shown.path(to)).unwrap();
    }
    guarded.hang_up(NEW, "").await;
    assert_eq!(guarded.status().await, StatusCode::OK);

    let key = fs::read(shown.path("client-key.pem")).unwrap();
    fs::write(shown.path("client-key.pem"), &key[..key.len() / 2]).unwrap();
    let line = guarded.hang_up(REFUSED, "--upstream-client-key (ATTACHE_UPSTREAM_CLIENT_KEY): ").await;
    assert_eq!(line["code"], "upstream_tls_files_unusable");
    assert_eq!(guarded.status().await, StatusCode::OK);

    shown.issue("client.pem", "other-key.pem");
    fs::write(shown.path("client-key.pem"), &key).unwrap();
    guarded.hang_up(REFUSED, "do not fit together").await;
    assert_eq!(guarded.status().await, StatusCode::OK);
    let log = format!("{:?}", guarded.world.proxy.log());
    assert!(String::from_utf8(key).unwrap().lines().all(|line| !log.contains(line)));
}

#[tokio::test]
async fn an_authority_that_is_added_later_is_trusted_then() {
    let (upstream, other) = (Certificates::new("upstream-ca-new"), Certificates::new("upstream-ca-old"));
    let ca = other.path("followed.pem");
    fs::copy(other.path("ca.pem"), &ca).unwrap();
    let serving = Upstream::start(Some(upstream.acceptor(&["h2"])), echo).await;
    let mut world = World::pinned(serving, &["--upstream-ca-cert", &ca]).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::BAD_GATEWAY);
    fs::copy(upstream.path("ca.pem"), &ca).unwrap();
    world.proxy.signal("HUP");
    world.proxy.logged(|line| line["msg"] == NEW).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
}
