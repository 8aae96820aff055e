//! Listeners that are Unix sockets.

use super::directory::{Directory, connect};
use crate::support::client::{Http1, get};
use crate::support::program::{WAIT_LIMIT, command, command_by_shell};
use crate::support::upstream::Upstream;
use crate::support::{Sts, World};
use http::StatusCode;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::time::timeout;

async fn world(directory: &Directory, flags: &[&str]) -> World {
    let (proxy, metrics) = (directory.address("proxy"), directory.address("metrics"));
    let listeners = ["--listen-addr", &proxy, "--metrics-listen-addr", &metrics];
    World::pinned(Upstream::echo().await, &[&listeners[..], flags].concat()).await
}

/// What a start says that does not succeed.
async fn failed_start(flags: &[&str]) -> String {
    let sts = Sts::start().await;
    let output = timeout(WAIT_LIMIT, command(&sts.url).args(flags).output()).await.unwrap().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    message
}

#[tokio::test]
async fn callers_and_scrapers_are_served_through_sockets() {
    let directory = Directory::new("served");
    let world = world(&directory, &[]).await;
    let mut caller = connect(&directory.path("proxy")).await;
    assert_eq!(caller.send(get("/a?b", &[])).await.text(), "hello");
    assert_eq!(caller.send(get("/", &[("x-forwarded-for", "192.0.2.1")])).await.status, StatusCode::OK);
    let [first, second] = &world.upstream.seen()[..] else { panic!("two requests were sent") };
    assert!(first.token().starts_with("ey"));
    assert_eq!(first.only("x-forwarded-for"), None, "a caller on this machine has no address");
    assert_eq!(second.only("x-forwarded-for"), Some("192.0.2.1"));

    let mut scraper = connect(&directory.path("metrics")).await;
    assert_eq!(scraper.send(get("/healthz", &[])).await.status, StatusCode::OK);
    let scrape = scraper.send(get("/metrics", &[])).await;
    assert!(scrape.text().contains("http_server_request_duration_seconds_count"), "{}", scrape.text());
}

#[tokio::test]
async fn the_log_says_where_the_sockets_are() {
    let directory = Directory::new("logged");
    let world = world(&directory, &[]).await;
    let log = world.proxy.log();
    let listening = log.iter().find(|line| line["msg"] == "listening").unwrap();
    assert_eq!(listening["listen_addr"], directory.address("proxy"));
    assert_eq!(listening["metrics_listen_addr"], directory.address("metrics"));
}

#[tokio::test]
async fn owner_and_group_may_connect_whatever_the_umask() {
    let sts = Sts::start().await;
    for umask in ["077", "000"] {
        let directory = Directory::new(&format!("mode-{umask}"));
        let shell = command_by_shell(&sts.url, &format!(r#"umask {umask}; exec "$0" "$@""#));
        let address = directory.address("proxy");
        let _proxy = crate::support::program::Program::start(shell, &["--listen-addr", &address]).await;
        let mode = fs::metadata(directory.path("proxy")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o660, "umask {umask}");
    }
}

#[tokio::test]
async fn a_socket_that_was_left_behind_is_replaced() {
    let directory = Directory::new("stale");
    drop(UnixListener::bind(directory.path("proxy")).unwrap());
    drop(UnixListener::bind(directory.path("metrics")).unwrap());
    let _world = world(&directory, &[]).await;
    assert_eq!(connect(&directory.path("proxy")).await.send(get("/", &[])).await.text(), "hello");
}

#[tokio::test]
async fn a_killed_proxy_can_be_started_again() {
    let directory = Directory::new("killed");
    let mut first = world(&directory, &[]).await;
    first.proxy.signal("KILL");
    first.proxy.ended().await;
    assert!(directory.path("proxy").exists());
    let _second = world(&directory, &[]).await;
    assert_eq!(connect(&directory.path("proxy")).await.send(get("/", &[])).await.text(), "hello");
}

#[tokio::test]
async fn a_socket_that_somebody_listens_on_stops_the_start() {
    let directory = Directory::new("live");
    let _listener = UnixListener::bind(directory.path("proxy")).unwrap();
    let message = failed_start(&["--listen-addr", &directory.address("proxy")]).await;
    assert!(message.contains(&directory.address("proxy")), "{message}");
    assert!(message.contains("another process listens on this socket"), "{message}");
    assert!(directory.path("proxy").exists());
}

#[tokio::test]
async fn a_start_that_fails_leaves_no_socket_behind() {
    let directory = Directory::new("half");
    let _listener = UnixListener::bind(directory.path("metrics")).unwrap();
    let (proxy, metrics) = (directory.address("proxy"), directory.address("metrics"));
    let message = failed_start(&["--listen-addr", &proxy, "--metrics-listen-addr", &metrics]).await;
    assert!(message.contains("--metrics-listen-addr (METRICS_LISTEN_ADDR)"), "{message}");
    assert!(!directory.path("proxy").exists());
}

#[tokio::test]
async fn what_is_no_socket_is_left_alone() {
    let directory = Directory::new("file");
    fs::write(directory.path("precious"), "content").unwrap();
    symlink(directory.path("precious"), directory.path("link")).unwrap();
    fs::create_dir(directory.path("folder")).unwrap();
    for name in ["precious", "link", "folder"] {
        let message = failed_start(&["--listen-addr", &directory.address(name)]).await;
        assert!(message.contains("a file that is no socket is in the way"), "{message}");
    }
    assert_eq!(fs::read_to_string(directory.path("link")).unwrap(), "content");
    assert!(directory.path("folder").is_dir());
}

#[tokio::test]
async fn a_directory_that_is_missing_is_said_so() {
    let directory = Directory::new("missing");
    let message = failed_start(&["--listen-addr", &directory.address("nowhere/proxy")]).await;
    assert!(message.contains("the directory has to exist before"), "{message}");
}

#[tokio::test]
async fn the_files_go_with_the_proxy() {
    let directory = Directory::new("removed");
    let mut world = world(&directory, &[]).await;
    assert!(directory.path("proxy").exists() && directory.path("metrics").exists());
    world.proxy.signal("TERM");
    assert!(world.proxy.ended().await.success());
    assert!(!directory.path("proxy").exists() && !directory.path("metrics").exists());
}

#[tokio::test]
async fn a_file_that_took_the_place_stays() {
    let directory = Directory::new("successor");
    let mut world = world(&directory, &[]).await;
    fs::remove_file(directory.path("proxy")).unwrap();
    let _successor = UnixListener::bind(directory.path("proxy")).unwrap();
    world.proxy.signal("TERM");
    assert!(world.proxy.ended().await.success());
    assert!(directory.path("proxy").exists() && !directory.path("metrics").exists());
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told_so() {
    let directory = Directory::new("limit");
    let _world = world(&directory, &["--max-connections", "1"]).await;
    let mut first: Http1 = connect(&directory.path("proxy")).await;
    assert_eq!(first.send(get("/", &[])).await.status, StatusCode::OK);
    let mut second = UnixStream::connect(directory.path("proxy")).await.unwrap();
    let mut answer = String::new();
    timeout(WAIT_LIMIT, second.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert_eq!(first.send(get("/", &[])).await.status, StatusCode::OK);
}
