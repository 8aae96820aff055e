//! Which certificates of upstreams are taken, and what is said of those that are not, or of attache's own.

use crate::support::World;
use crate::support::certificates::Certificates;
use crate::support::client::{get, send};
use crate::support::upstream::{Upstream, echo};
use http::StatusCode;
use std::fs;

#[tokio::test]
async fn a_self_signed_certificate_that_says_it_is_an_authority_is_taken_where_it_is_trusted() {
    let certificates = Certificates::new("self-signed-authority");
    certificates.sign_itself("cert.pem", "key.pem");
    let upstream = Upstream::start(Some(certificates.acceptor(&["h2"])), echo).await;
    let world = World::pinned(upstream, &["--upstream-ca-cert", &certificates.path("cert.pem")]).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_is_not_trusted_is_taken_where_it_is_trusted_itself() {
    let certificates = Certificates::new("pinned-leaf");
    let upstream = Upstream::start(Some(certificates.acceptor(&["h2"])), echo).await;
    let pinned = certificates.path("pinned.pem");
    fs::copy(certificates.path("cert.pem"), &pinned).unwrap();
    let world = World::pinned(upstream, &["--upstream-ca-cert", &pinned]).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    // Another one of the same authority is not the one that is trusted.
    certificates.issue("cert.pem", "key.pem");
    let upstream = Upstream::start(Some(certificates.acceptor(&["h2"])), echo).await;
    let world = World::pinned(upstream, &["--upstream-ca-cert", &pinned]).await;
    let answer = send(world.proxy.proxy, get("/", &[])).await;
    assert_eq!(answer.header("proxy-status"), Some("attache; error=tls_certificate_error"));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_does_not_cost_the_others_of_its_file() {
    let certificates = Certificates::new("bad-in-bundle");
    let good = fs::read_to_string(certificates.path("ca.pem")).unwrap();
    let bad = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let bundle = certificates.path("bundle.pem");
    fs::write(&bundle, format!("{bad}{good}")).unwrap();
    let upstream = Upstream::start(Some(certificates.acceptor(&[])), echo).await;
    let mut world = World::pinned(upstream, &["--upstream-ca-cert", &bundle]).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
    let line = world.proxy.logged(|line| line["code"] == "certificate_skipped").await;
    assert_eq!((line["file"].as_str(), line["position"].as_u64()), (Some(&*bundle), Some(1)));
}

#[tokio::test]
async fn a_certificate_that_an_upstream_wants_after_the_handshake_is_an_error_of_tls() {
    for protocol in ["http/1.1", "h2"] {
        let certificates = Certificates::new(&format!("wanted-{}", &protocol[..2]));
        let upstream = Upstream::start(Some(certificates.acceptor_asking(&[protocol])), echo).await;
        let mut world = World::pinned(upstream, &["--upstream-ca-cert", &certificates.path("ca.pem")]).await;
        let answer = send(world.proxy.proxy, get("/", &[])).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{protocol}");
        assert_eq!(answer.header("proxy-status"), Some("attache; error=tls_alert_received"), "{protocol}");
        let line = world.proxy.logged(|line| line["msg"] == "upstream error").await;
        assert_eq!(line["code"], "upstream_tls", "{line}");
        assert!(line["hint"].as_str().unwrap().contains("--upstream-client-cert"), "{line}");
        assert_eq!(world.upstream.connections(), 1, "it would be refused again");
    }
}

#[tokio::test]
async fn a_file_whose_authorities_have_all_expired_is_a_warning_and_a_bundle_with_an_old_one_is_none() {
    let certificates = Certificates::new("expired-authority");
    certificates.issue_for_days(-9..-1, "old.pem", "old-key.pem");
    let read = |file| fs::read_to_string(certificates.path(file)).unwrap();
    let bundle = certificates.path("bundle.pem");
    fs::write(&bundle, format!("{}{}", read("old.pem"), read("ca.pem"))).unwrap();
    for (file, is_told) in [(certificates.path("old.pem"), true), (bundle, false)] {
        let upstream = Upstream::start(Some(certificates.acceptor(&[])), echo).await;
        let mut world = World::pinned(upstream, &["--upstream-ca-cert", &file]).await;
        let is_known = send(world.proxy.proxy, get("/", &[])).await.status == StatusCode::OK;
        assert_eq!(is_known, !is_told, "{file}");
        world.proxy.logged(|line| line["msg"] == "token obtained").await;
        let log = world.proxy.log();
        let lines: Vec<_> = log.iter().filter(|line| line["code"] == "certificate_expired").collect();
        assert_eq!(lines.len(), usize::from(is_told), "{lines:?}");
        assert!(lines.iter().all(|line| line["file"] == *file), "{lines:?}");
    }
}

#[tokio::test]
async fn an_authority_that_was_made_anew_under_its_name_is_told_from_an_unknown_one() {
    let [old, new] = ["authority-before", "authority-after"].map(Certificates::new);
    let upstream = Upstream::start(Some(new.acceptor(&[])), echo).await;
    let mut world = World::pinned(upstream, &["--upstream-ca-cert", &old.path("ca.pem")]).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::BAD_GATEWAY);
    let line = world.proxy.logged(|line| line["msg"] == "upstream error").await;
    assert!(line["hint"].as_str().unwrap().contains("made anew"), "{line}");
}

#[tokio::test]
async fn an_upstream_that_speaks_no_protocol_of_those_offered_is_told_as_such() {
    let certificates = Certificates::new("no-protocol");
    let upstream = Upstream::start(Some(certificates.acceptor(&["http/1.1"])), echo).await;
    let flags = ["--upstream-ca-cert", &certificates.path("ca.pem"), "--upstream-protocol", "http2"];
    let mut world = World::pinned(upstream, &flags).await;
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::BAD_GATEWAY);
    let line = world.proxy.logged(|line| line["msg"] == "upstream error").await;
    assert!(line["hint"].as_str().unwrap().contains("--upstream-protocol"), "{line}");
}
