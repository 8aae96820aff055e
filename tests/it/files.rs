//! The limit of open files: raised at the start, and shared so that callers cannot use up all of it.

use crate::support::client::{get, send};
use crate::support::program::{Program, WAIT_LIMIT, command_by_shell};
use crate::support::upstream::Upstream;
use crate::support::{Sts, World, metric};
use futures_util::future::join_all;
use http::StatusCode;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn limited(line: &str, flags: &[&str]) -> World {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let host = upstream.authority();
    let flags = [&["--upstream-scheme", "http", "--upstream-host", &host], flags].concat();
    let command = command_by_shell(&sts.url, &format!(r#"{line}; exec "$0" "$@""#));
    let proxy = Program::start(command, &flags).await;
    World { sts, upstream, proxy }
}

async fn connect(world: &World, count: usize) -> Vec<TcpStream> {
    let connecting = (0..count).map(|_| TcpStream::connect(world.proxy.proxy));
    join_all(connecting).await.into_iter().map(Result::unwrap).collect()
}

fn lines(world: &World, code: &str) -> usize {
    world.proxy.log().iter().filter(|line| line["code"] == code).count()
}

#[tokio::test]
async fn the_soft_limit_is_raised_to_the_hard_one() {
    let mut world = limited("ulimit -Sn 256; ulimit -Hn 1000", &[]).await;
    let line = world.proxy.logged(|line| line["msg"] == "limit of open files raised").await;
    assert_eq!((line["before"].as_u64(), line["now"].as_u64()), (Some(256), Some(1000)));
    assert_eq!(metric(&world.proxy, "process_max_fds{").await, 1000.0);
}

#[tokio::test]
async fn callers_beyond_what_the_files_allow_are_told_so_and_nothing_else_suffers() {
    let mut world = limited("ulimit -n 100", &[]).await;
    let mut callers = connect(&world, 200).await;
    let answers = callers.split_off(25).into_iter().map(|mut caller| async move {
        let mut answer = String::new();
        timeout(WAIT_LIMIT, caller.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    });
    join_all(answers).await;
    for path in ["/healthz", "/metrics", "/status"] {
        assert_eq!(send(world.proxy.admin, get(path, &[])).await.status, StatusCode::OK, "{path}");
    }
    drop(callers);
    let end = world.proxy.logged(|line| line["msg"] == "callers are no longer refused").await;
    assert_eq!(end["refused"], 175);
    assert_eq!((lines(&world, "too_many_connections"), lines(&world, "accept_failed")), (1, 0));
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_limit_that_is_reached_is_one_line_when_that_begins_and_one_when_it_ends() {
    let mut world = limited("ulimit -n 60", &["--max-connections", "1000"]).await;
    let callers = connect(&world, 100).await;
    world.proxy.logged(|line| line["code"] == "accept_failed").await;
    drop(callers);
    let end = world.proxy.logged(|line| line["msg"] == "connections are accepted again").await;
    assert!(end["failed"].as_u64().unwrap() > 0);
    assert_eq!(lines(&world, "accept_failed"), 1);
    assert_eq!(send(world.proxy.proxy, get("/", &[])).await.status, StatusCode::OK);
}
