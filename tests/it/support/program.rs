//! The built program, started as an operator starts it, its log read line by line.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use attache::tasks::{Owned, Tasks};

/// The longest that anything here may take; reaching it is a failure, never a wait.
pub const WAIT_LIMIT: Duration = Duration::from_secs(20);

/// Where a program seems to listen that listens on no port.
pub const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A running proxy. Dropping it kills it.
pub struct Program {
    child: Child,
    pub proxy: SocketAddr,
    pub admin: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    grown: watch::Receiver<usize>,
    _reader: Owned,
}

/// The program with no environment but what the emulator needs.
pub fn command(sts_url: &str) -> Command {
    with_environment(Command::new(env!("CARGO_BIN_EXE_attache")), sts_url)
}

/// The same, started by a line for the shell that ends with `exec "$0" "$@"`.
pub fn command_by_shell(sts_url: &str, line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_attache")]);
    with_environment(command, sts_url)
}

fn with_environment(mut command: Command, sts_url: &str) -> Command {
    command
        .env_clear()
        .env("AWS_ENDPOINT_URL_STS", sts_url)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "AKIATEST")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Program {
    /// Serves on free ports with these flags, at debug level.
    pub async fn serve(sts_url: &str, flags: &[&str]) -> Self {
        Self::start(command(sts_url), flags).await
    }

    /// Serves on free ports with this command and these flags.
    pub async fn start(mut command: Command, flags: &[&str]) -> Self {
        command.args(["--metrics-listen-addr", "127.0.0.1:0"]);
        if !["--listen-addr", "--config-file"].iter().any(|flag| flags.contains(flag)) {
            command.args(["--listen-addr", "127.0.0.1:0"]);
        }
        if !flags.contains(&"--log-level") {
            command.args(["--log-level", "debug"]);
        }
        let mut child = command.args(flags).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut first = Vec::new();
        let listening = loop {
            let line = timeout(WAIT_LIMIT, lines.next_line()).await.unwrap().unwrap();
            let line = line.unwrap_or_else(|| panic!("the program ended instead of listening: {first:?}"));
            first.push(line.clone());
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["msg"] == "listening" {
                break line;
            }
        };
        let address = |field: &str| {
            let first = listening[field].as_str().unwrap().split(", ").next().unwrap();
            first.parse().unwrap_or(NOWHERE)
        };
        let (proxy, admin) = (address("listen_addr"), address("metrics_listen_addr"));
        let log = Arc::new(Mutex::new(first));
        let (growing, grown) = watch::channel(0);
        let reader = Tasks::default().spawn(read(lines, log.clone(), growing)).into();
        Self { child, proxy, admin, log, grown, _reader: reader }
    }

    /// Every log line so far.
    pub fn log(&self) -> Vec<Value> {
        let log = self.log.lock().unwrap();
        log.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The first line for which `wanted` holds, waited for.
    pub async fn logged(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            loop {
                self.grown.borrow_and_update();
                let log = self.log.lock().unwrap().clone();
                let found = log.iter().map(|line| serde_json::from_str(line).unwrap()).find(&wanted);
                if let Some(line) = found {
                    return line;
                }
                self.grown.changed().await.unwrap();
            }
        };
        timeout(WAIT_LIMIT, search).await.unwrap()
    }

    /// Sends a signal, by the name that `kill` knows it by.
    pub fn signal(&self, name: &str) {
        send_signal(self.pid(), name);
    }

    /// Stops the program. When this resolves, none of its threads runs until SIGCONT.
    pub async fn stop(&self) {
        self.signal("STOP");
        let tasks = format!("/proc/{}/task", self.pid());
        let is_stopped = |task: std::fs::DirEntry| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap();
            stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
        };
        while !std::fs::read_dir(&tasks).unwrap().all(|task| is_stopped(task.unwrap())) {
            tokio::task::yield_now().await;
        }
    }

    /// Waits for the program's end.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(WAIT_LIMIT, self.child.wait()).await.unwrap().unwrap()
    }

    /// The process id, for measurements.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }
}

async fn read(
    mut lines: Lines<BufReader<ChildStdout>>,
    log: Arc<Mutex<Vec<String>>>,
    growing: watch::Sender<usize>,
) {
    while let Ok(Some(line)) = lines.next_line().await {
        log.lock().unwrap().push(line);
        growing.send_modify(|lines| *lines += 1);
    }
}

/// Sends a signal to a process. A machine with Rust need not have the program `kill`.
pub fn send_signal(pid: u32, name: &str) {
    let signal = match name {
        "CONT" => Signal::CONT,
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "KILL" => Signal::KILL,
        "STOP" => Signal::STOP,
        "TERM" => Signal::TERM,
        "USR1" => Signal::USR1,
        _ => panic!("no test has sent SIG{name} before"),
    };
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}
