//! Certificates that are renewed under a running proxy.

use super::certificates::is_let_in;
use super::odd_files::make_fifo;
use crate::support::World;
use crate::support::certificates::Certificates;
use crate::support::client::{Http1, get};
use crate::support::upstream::Upstream;
use http::StatusCode;
use serde_json::Value;
use std::fs;
use tokio::net::TcpStream;

const NEW: &str = "new TLS files are in use";
const REFUSED: &str = "new TLS files cannot be used, so the ones before stay in use";
const BACK: &str = "the TLS files in use are back";
const SAME: &str = "the TLS files have not changed";

/// A proxy over TLS whose files can be changed.
struct Renewal {
    certificates: Certificates,
    world: World,
}

impl Renewal {
    async fn start(test: &str) -> Self {
        let certificates = Certificates::new(test);
        let (cert, key) = (certificates.path("cert.pem"), certificates.path("key.pem"));
        let world = World::pinned(Upstream::echo().await, &["--tls-cert", &cert, "--tls-key", &key]).await;
        Self { certificates, world }
    }

    /// A new connection, and the certificate that it was shown.
    async fn connect(&self) -> (Http1, Vec<u8>) {
        let stream = TcpStream::connect(self.world.proxy.proxy).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let stream = self.certificates.connector(&["http/1.1"]).connect(name, stream).await.unwrap();
        let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
        (Http1::over(stream).await, certificate)
    }

    async fn shown(&self) -> Vec<u8> {
        self.connect().await.1
    }

    /// Sends SIGHUP and waits for the first line with this message that says this of what is wrong, if anything.
    async fn hang_up(&mut self, message: &str, error: &str) -> Value {
        self.world.proxy.signal("HUP");
        let says = |line: &Value| line["error"].as_str().unwrap_or_default().contains(error);
        self.world.proxy.logged(|line| line["msg"] == message && says(line)).await
    }

    fn replace(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::write(self.certificates.path(file), content).unwrap();
    }

    fn content(&self, file: &str) -> Vec<u8> {
        fs::read(self.certificates.path(file)).unwrap()
    }
}

#[tokio::test]
async fn a_new_pair_is_shown_to_new_callers_while_others_go_on() {
    let mut renewal = Renewal::start("reload-new").await;
    let (mut caller, before) = renewal.connect().await;
    renewal.certificates.issue("cert.pem", "key.pem");
    assert_eq!(renewal.shown().await, before, "nobody has looked yet");

    let line = renewal.hang_up(NEW, "").await;
    assert_eq!(
        (line["level"].as_str(), line["certificate_sha256"].as_str().unwrap().len()),
        (Some("INFO"), 64)
    );
    let (mut other, after) = renewal.connect().await;
    assert_ne!(after, before);
    for caller in [&mut caller, &mut other] {
        assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_changes_nothing_but_the_log() {
    let mut renewal = Renewal::start("reload-broken").await;
    let before = renewal.shown().await;
    let (cert, key) = (renewal.content("cert.pem"), renewal.content("key.pem"));
    renewal.certificates.issue("other.pem", "other-key.pem");

    renewal.replace("cert.pem", &cert[..cert.len() / 2]);
    let line = renewal.hang_up(REFUSED, "--tls-cert (TLS_CERT): ").await;
    assert_eq!(line["level"], "ERROR");
    assert_eq!(renewal.shown().await, before);

    renewal.replace("cert.pem", renewal.content("other.pem"));
    renewal.hang_up(REFUSED, "do not fit together").await;
    assert_eq!(renewal.shown().await, before);

    fs::remove_file(renewal.certificates.path("key.pem")).unwrap();
    renewal.hang_up(REFUSED, "--tls-key (TLS_KEY): ").await;
    assert_eq!(renewal.shown().await, before);

    make_fifo(&renewal.certificates.path("key.pem"));
    renewal.hang_up(REFUSED, "it is a FIFO or a pipe, and not a regular file").await;
    assert_eq!(renewal.shown().await, before);
    fs::remove_file(renewal.certificates.path("key.pem")).unwrap();

    renewal.replace("cert.pem", &cert);
    renewal.replace("key.pem", &key);
    renewal.hang_up(BACK, "").await;
    assert_eq!(renewal.shown().await, before);

    renewal.replace("cert.pem", renewal.content("other.pem"));
    renewal.replace("key.pem", renewal.content("other-key.pem"));
    renewal.hang_up(NEW, "").await;
    assert_ne!(renewal.shown().await, before);
}

#[tokio::test]
async fn whoever_asks_without_need_is_told_so() {
    let mut renewal = Renewal::start("reload-same").await;
    renewal.hang_up(SAME, "").await;
    assert!(!renewal.world.proxy.log().iter().any(|line| line["msg"] == NEW));
}

#[tokio::test]
async fn a_hangup_does_not_end_a_proxy_without_tls() {
    let mut world = World::start().await;
    world.proxy.signal("HUP");
    world.proxy.signal("TERM");
    assert!(world.proxy.ended().await.success());
}

#[tokio::test]
async fn keys_never_reach_the_log() {
    let mut renewal = Renewal::start("reload-secret").await;
    let keys = [renewal.content("key.pem"), {
        renewal.certificates.issue("cert.pem", "key.pem");
        renewal.content("key.pem")
    }];
    renewal.hang_up(NEW, "").await;
    renewal.replace("cert.pem", &keys[1]);
    renewal.hang_up(REFUSED, "--tls-cert").await;
    let log = format!("{:?}", renewal.world.proxy.log());
    for key in keys {
        let text = String::from_utf8(key).unwrap();
        assert!(text.lines().all(|line| !log.contains(line)));
    }
}

#[tokio::test]
async fn authorities_are_followed_too() {
    let mine = Certificates::new("reload-ca-mine");
    let (one, other) = (Certificates::new("reload-ca-one"), Certificates::new("reload-ca-other"));
    let ca = mine.path("clients.pem");
    fs::copy(one.path("ca.pem"), &ca).unwrap();
    let (cert, key) = (mine.path("cert.pem"), mine.path("key.pem"));
    let flags = ["--tls-cert", &cert, "--tls-key", &key, "--tls-client-ca", &ca];
    let mut world = World::pinned(Upstream::echo().await, &flags).await;
    let address = world.proxy.proxy;
    let is_let_in = async |caller: &Certificates| is_let_in(address, &mine, Some(caller)).await;
    assert!(is_let_in(&one).await);
    assert!(!is_let_in(&other).await);

    // A bundle that is being written: its first certificate is whole, its second is not.
    let bundle = [fs::read(other.path("ca.pem")).unwrap(), fs::read(one.path("ca.pem")).unwrap()].concat();
    fs::write(&ca, &bundle[..bundle.len() - 100]).unwrap();
    world.proxy.signal("HUP");
    world.proxy.logged(|line| line["code"] == "tls_files_unusable").await;
    assert!(is_let_in(&one).await, "the authorities before stay in use");

    fs::copy(other.path("ca.pem"), &ca).unwrap();
    world.proxy.signal("HUP");
    world.proxy.logged(|line| line["msg"] == NEW).await;
    assert!(!is_let_in(&one).await);
    assert!(is_let_in(&other).await);
}
