//! One run of the doctor, and what it says.

use crate::support::program::{self, WAIT_LIMIT};
use serde_json::Value;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, timeout};

/// A row of the tables: what is wrong, the code that has to be named first, and words of its next step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) fault: &'static str,
    pub(crate) code: &'static str,
    pub(crate) cure: &'static str,
}

pub(crate) fn row(fault: &'static str, code: &'static str, cure: &'static str) -> Row {
    Row { fault, code, cure }
}

/// What the doctor said.
#[derive(Debug)]
pub(crate) struct Examination {
    pub(crate) status: Option<i32>,
    pub(crate) report: Value,
    pub(crate) took: Duration,
}

/// Examines with these flags, on free ports unless the flags name others, and with a policy.
pub(crate) async fn examine(sts_url: &str, flags: &[&str]) -> Examination {
    examine_with(program::command(sts_url), flags).await
}

/// The same, with this command.
pub(crate) async fn examine_with(mut command: Command, flags: &[&str]) -> Examination {
    command.args(["doctor", "--format", "json"]);
    if !flags.contains(&"--metrics-listen-addr") {
        command.args(["--metrics-listen-addr", "127.0.0.1:0"]);
    }
    let has_file = flags.contains(&"--config-file");
    if !flags.contains(&"--listen-addr") && !has_file {
        command.args(["--listen-addr", "127.0.0.1:0"]);
    }
    let has_policy = |flag: &&str| flag.starts_with("--upstream-host") || flag.starts_with("--allow-host");
    if !flags.iter().any(has_policy) && !has_file {
        command.args(["--allow-host", "*"]);
    }
    let began = Instant::now();
    let output = timeout(WAIT_LIMIT, command.args(flags).output()).await.unwrap().unwrap();
    let took = began.elapsed();
    let text = String::from_utf8(output.stdout).unwrap();
    // How every JWT begins.
    assert!(!text.contains("eyJ"), "a token is printed: {text}");
    let report = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{error}: {text:?}, {}", String::from_utf8_lossy(&output.stderr));
    });
    Examination { status: output.status.code(), report, took }
}

impl Examination {
    /// What a check found.
    pub(crate) fn check(&self, name: &str) -> &Value {
        let checks = self.report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).unwrap()
    }

    /// The cause named first is the row's, its cure is told, and the exit status says whether anything failed.
    pub(crate) fn assert_names(&self, row: Row, verdict: &str) {
        let report = format!("{}: {:#}", row.fault, self.report);
        assert_eq!(self.report["most_likely"]["code"], row.code, "{report}");
        assert_eq!(self.report["verdict"], verdict, "{report}");
        assert_eq!(self.status, Some(i32::from(verdict == "failed")), "{report}");
        let checks = self.report["checks"].as_array().unwrap();
        let mut next = checks.iter().filter(|check| check["code"] == row.code).map(|check| &check["next"]);
        assert!(next.any(|next| next.as_str().unwrap().contains(row.cure)), "{report}");
    }
}
