//! Sockets that a service manager made before the program was started, and what the program tells it.

use super::directory::{Directory, connect};
use crate::support::client::{get, send};
use crate::support::program::{Program, WAIT_LIMIT, command_by_shell};
use crate::support::upstream::Upstream;
use crate::support::{Sts, World};
use command_fds::{CommandFdExt, FdMapping};
use http::StatusCode;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram as StdUnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use tokio::net::UnixDatagram;
use tokio::process::Command;
use tokio::time::timeout;

/// Starts the program as systemd would: the sockets from file descriptor 3 on, and whom they are for.
const AS_SYSTEMD: &str = r#"LISTEN_PID=$$ exec "$0" "$@""#;

fn handing_over(sts: &Sts, line: &str, sockets: Vec<OwnedFd>, names: Option<&str>) -> Command {
    let mut command = command_by_shell(&sts.url, line);
    command.env("LISTEN_FDS", sockets.len().to_string());
    if let Some(names) = names {
        command.env("LISTEN_FDNAMES", names);
    }
    let mappings = (3..).zip(sockets).map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd });
    command.fd_mappings(mappings.collect()).unwrap();
    command
}

fn listener() -> (OwnedFd, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener.into(), address)
}

async fn started(sockets: Vec<OwnedFd>, names: Option<&str>) -> World {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let command = handing_over(&sts, AS_SYSTEMD, sockets, names);
    let host = upstream.authority();
    let flags = ["--upstream-scheme", "http", "--upstream-host", &host];
    let proxy = Program::start(command, &flags).await;
    World { sts, upstream, proxy }
}

async fn assert_served(proxy: SocketAddr, metrics: SocketAddr) {
    assert_eq!(send(proxy, get("/", &[])).await.text(), "hello");
    assert_eq!(send(metrics, get("/healthz", &[])).await.text(), "ok\n");
}

#[tokio::test]
async fn the_first_socket_is_for_callers_and_the_second_for_metrics() {
    let ((one, proxy), (two, metrics)) = (listener(), listener());
    let world = started(vec![one, two], Some("attache.socket:attache.socket")).await;
    assert_eq!((world.proxy.proxy, world.proxy.admin), (proxy, metrics));
    assert_served(proxy, metrics).await;
}

#[tokio::test]
async fn names_say_what_sockets_are_for() {
    for names in ["metrics:proxy", "metrics:unknown", "unknown:proxy"] {
        let ((one, metrics), (two, proxy)) = (listener(), listener());
        let _world = started(vec![one, two], Some(names)).await;
        assert_served(proxy, metrics).await;
    }
}

#[tokio::test]
async fn what_is_not_handed_over_is_bound() {
    let (one, proxy) = listener();
    let world = started(vec![one], None).await;
    assert_served(proxy, world.proxy.admin).await;
    let (one, metrics) = listener();
    let world = started(vec![one], Some("metrics")).await;
    assert_served(world.proxy.proxy, metrics).await;
}

#[tokio::test]
async fn unix_sockets_are_taken_over_and_their_files_stay() {
    let directory = Directory::new("handed-over");
    let path = directory.path("proxy");
    let mut world = started(vec![UnixListener::bind(&path).unwrap().into()], None).await;
    assert_eq!(connect(&path).await.send(get("/", &[])).await.status, StatusCode::OK);
    world.proxy.signal("TERM");
    assert!(world.proxy.ended().await.success());
    assert!(path.exists(), "systemd made it and will hand it over again");
}

#[tokio::test]
async fn sockets_for_another_process_are_not_touched() {
    let sts = Sts::start().await;
    for (line, reason) in [
        (r#"LISTEN_PID=1 exec "$0" "$@""#, "LISTEN_PID is not this process"),
        (r#"exec "$0" "$@""#, "LISTEN_PID is not set"),
    ] {
        let (socket, address) = listener();
        let command = handing_over(&sts, line, vec![socket], None);
        let mut proxy = Program::start(command, &[]).await;
        assert_ne!(proxy.proxy, address);
        assert_eq!(send(proxy.admin, get("/healthz", &[])).await.text(), "ok\n");
        let line = proxy.logged(|line| line["variable"] == "LISTEN_FDS").await;
        assert_eq!(line["code"], "setting_unused", "{line}");
        assert!(line["reason"].as_str().unwrap().starts_with(reason), "{line}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_stops_the_start() {
    let (open, _) = listener();
    let address = TcpListener::from(open.try_clone().unwrap()).local_addr().unwrap();
    let connected = TcpStream::connect(address).unwrap();
    let (pair, _other) = UnixStream::pair().unwrap();
    let file = File::open("/dev/null").unwrap();
    let cases: Vec<(Vec<OwnedFd>, &str, &str)> = vec![
        (
            vec![connected.into()],
            "",
            "the socket of file descriptor 3 is no listening TCP or Unix stream socket",
        ),
        (vec![pair.into()], "", "the socket of file descriptor 3"),
        (vec![listener().0, file.into()], "", "the socket of file descriptor 4"),
        (vec![listener().0, listener().0, listener().0], "", "LISTEN_FDS is \"3\""),
        (vec![listener().0, listener().0], "proxy:proxy", "LISTEN_FDNAMES names two sockets proxy"),
        (vec![listener().0, listener().0], "", "--metrics-enabled is false"),
    ];
    let sts = Sts::start().await;
    for (sockets, names, expected) in cases {
        let mut command = handing_over(&sts, AS_SYSTEMD, sockets, Some(names));
        let output =
            timeout(WAIT_LIMIT, command.arg("--metrics-enabled=false").output()).await.unwrap().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

/// A service manager that listens to what it is told.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new(test: &str) -> (Self, Directory) {
        let directory = Directory::new(test);
        let path = directory.path("notify");
        (Self { socket: UnixDatagram::bind(&path).unwrap(), path }, directory)
    }

    /// A program that tells it, started by this line for the shell.
    async fn started(&self, sts: &Sts, line: &str) -> Program {
        let mut command = command_by_shell(&sts.url, line);
        command.env("NOTIFY_SOCKET", &self.path);
        Program::start(command, &[]).await
    }

    async fn told(&self) -> String {
        let mut message = [0; 128];
        let length = timeout(WAIT_LIMIT, self.socket.recv(&mut message)).await.unwrap().unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }
}

#[tokio::test]
async fn the_service_manager_is_told_of_beginning_reload_and_end() {
    let (manager, _directory) = Manager::new("notify");
    let sts = Sts::start().await;
    let mut proxy = manager.started(&sts, r#"exec "$0" "$@""#).await;
    assert_eq!(manager.told().await, "READY=1\n");
    assert_eq!(send(proxy.admin, get("/healthz", &[])).await.text(), "ok\n");
    proxy.signal("HUP");
    let reloading = manager.told().await;
    let moment = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
    assert!(moment.trim_end().parse::<u64>().unwrap() > 0, "{reloading}");
    assert_eq!(manager.told().await, "READY=1\n");
    proxy.signal("TERM");
    assert_eq!(manager.told().await, "STOPPING=1\n");
    assert!(proxy.ended().await.success());
}

#[tokio::test]
async fn a_watchdog_hears_of_the_process_while_it_serves() {
    let (manager, _directory) = Manager::new("watchdog");
    let sts = Sts::start().await;
    let line = r#"WATCHDOG_USEC=20000 WATCHDOG_PID=$$ exec "$0" "$@""#;
    let mut proxy = manager.started(&sts, line).await;
    let mut told = Vec::new();
    while told.len() < 6 {
        told.push(manager.told().await);
    }
    assert_eq!(told.iter().filter(|message| *message == "WATCHDOG=1\n").count(), 5, "{told:?}");
    // A failure is logged once, not each time.
    drop(manager);
    proxy.logged(|line| line["code"] == "service_manager_deaf").await;
    let deaf = |proxy: &Program| proxy.log().iter().filter(|line| line["state"] == "Alive").count();
    for _ in 0..20 {
        send(proxy.admin, get("/healthz", &[])).await;
    }
    assert_eq!(deaf(&proxy), 1);
}

#[tokio::test]
async fn a_watchdog_of_another_process_hears_nothing() {
    let (manager, _directory) = Manager::new("other_watchdog");
    let sts = Sts::start().await;
    let line = r#"WATCHDOG_USEC=100000 WATCHDOG_PID=1 exec "$0" "$@""#;
    let proxy = manager.started(&sts, line).await;
    assert_eq!(manager.told().await, "READY=1\n");
    proxy.signal("TERM");
    assert_eq!(manager.told().await, "STOPPING=1\n");
}

/// The queue of a socket that its owner does not read is full after some messages, and a message waits then.
#[tokio::test]
async fn a_service_manager_that_reads_nothing_holds_up_nothing() {
    let (manager, _directory) = Manager::new("unread");
    // A socket for each message, since each may have a few on the way only.
    let is_taken = || {
        let filler = StdUnixDatagram::unbound().unwrap();
        filler.set_nonblocking(true).unwrap();
        filler.send_to(b"STATUS=full\n", &manager.path).is_ok()
    };
    while is_taken() {}
    let sts = Sts::start().await;
    let line = r#"WATCHDOG_USEC=20000 WATCHDOG_PID=$$ exec "$0" "$@""#;
    let mut proxy = manager.started(&sts, line).await;
    for state in ["Ready", "Alive"] {
        let line = proxy.logged(|line| line["state"] == state).await;
        assert_eq!(line["code"], "service_manager_deaf", "{line}");
    }
    assert_eq!(send(proxy.admin, get("/healthz", &[])).await.text(), "ok\n");
    proxy.signal("TERM");
    assert!(proxy.ended().await.success());
}
