//! Standard streams that another process has made non-blocking: a full pipe takes nothing, and nothing is lost.

use crate::support::Sts;
use crate::support::client::{Http1, get};
use crate::support::program::{WAIT_LIMIT, command};
use crate::support::upstream::{Upstream, text};
use rustix::fs::{OFlags, fcntl_setfl};
use serde_json::Value;
use std::io::{self, PipeReader, PipeWriter, Read, Write, pipe};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe::Receiver;
use tokio::process::Child;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// About 300 bytes of the log each: more than a pipe holds, and less than the queue does.
const REQUESTS: usize = 1500;
/// How long a command is given to end although its stream is full.
const MOMENT: Duration = Duration::from_millis(500);

fn nonblocking_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    (reader, writer)
}

/// Fills a pipe, and says by how many bytes.
fn fill(mut writer: &PipeWriter) -> usize {
    let mut filled = 0;
    loop {
        match writer.write(&[b'.'; 4096]) {
            Ok(written) => filled += written,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                return filled;
            }
        }
    }
}

type Log = Lines<BufReader<Receiver>>;

async fn next(log: &mut Log) -> Value {
    let line = timeout(WAIT_LIMIT, log.next_line()).await.unwrap().unwrap();
    serde_json::from_str(&line.expect("the program ended")).unwrap()
}

/// A program that logs to a non-blocking pipe, its log, and where it listens.
async fn start(sts: &Sts, upstream: &Upstream) -> (Child, Log, SocketAddr) {
    let (reader, writer) = nonblocking_pipe();
    let mut command = command(&sts.url);
    command.args(["--listen-addr", "127.0.0.1:0", "--metrics-listen-addr", "127.0.0.1:0", "--access-log"]);
    command.args(["--upstream-host", &upstream.authority(), "--upstream-scheme", "http"]);
    let program = command.stdout(writer).spawn().unwrap();
    // The command holds the writing end too.
    drop(command);
    let mut log = BufReader::new(Receiver::from_owned_fd(OwnedFd::from(reader)).unwrap()).lines();
    let listening = loop {
        let line = next(&mut log).await;
        if line["msg"] == "listening" {
            break line;
        }
    };
    let address = listening["listen_addr"].as_str().unwrap().parse().unwrap();
    (program, log, address)
}

#[tokio::test]
async fn a_nonblocking_stdout_that_is_read_late_loses_no_line() {
    let (sts, upstream) = (Sts::start().await, Upstream::scripted(|_| async { text("") }).await);
    let (_program, mut log, address) = start(&sts, &upstream).await;
    let mut caller = Http1::connect(address).await;
    for number in 0..REQUESTS {
        caller.send(get(&format!("/{number}"), &[])).await;
    }
    let mut paths = Vec::new();
    while paths.len() < REQUESTS {
        let line = next(&mut log).await;
        assert!(line.get("lines").is_none(), "{line}");
        paths.extend(line["path"].as_str().map(str::to_owned));
    }
    let expected: Vec<String> = (0..REQUESTS).map(|number| format!("/{number}")).collect();
    assert_eq!(paths, expected);
}

/// What a command says on one of its streams, which is full when it begins.
async fn said_into_a_full_pipe(arguments: &[&str], is_stdout: bool) -> String {
    let (mut reader, writer) = nonblocking_pipe();
    let filled = fill(&writer);
    let mut command = command("");
    command.args(arguments);
    match is_stdout {
        true => command.stdout(writer),
        false => command.stderr(writer),
    };
    let mut program = command.spawn().unwrap();
    drop(command);
    assert!(timeout(MOMENT, program.wait()).await.is_err(), "{arguments:?} did not wait");
    let mut said = Vec::new();
    let reading = spawn_blocking(move || reader.read_to_end(&mut said).map(|_| said));
    let said = timeout(WAIT_LIMIT, reading).await.unwrap().unwrap().unwrap();
    timeout(WAIT_LIMIT, program.wait()).await.unwrap().unwrap();
    String::from_utf8(said[filled..].to_vec()).unwrap()
}

#[tokio::test]
async fn a_command_waits_for_a_full_pipe() {
    let version = said_into_a_full_pipe(&["version"], true).await;
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version:?}");
    let problem = said_into_a_full_pipe(&["--token-duration", "2h"], false).await;
    assert!(problem.contains("needs attention"), "{problem:?}");
}
