//! A dirty environment: variables of other programs, of Kubernetes, and of an operator's slip.

use crate::support::program::{Program, WAIT_LIMIT, command};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

const UPSTREAM: [(&str, &str); 2] = [("TOKEN_AUDIENCE", "a"), ("UPSTREAM_HOST", "127.0.0.1:1")];

/// What is warned of at the start with these variables: the variable and why.
async fn unused(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut command = command("http://127.0.0.1:1");
    command.envs(UPSTREAM).envs(variables.iter().copied());
    let mut program = Program::start(command, &[]).await;
    program.logged(|line| line["msg"] == "tokens").await;
    let lines = program.log().into_iter().filter(|line| line["code"] == "setting_unused");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    lines.map(|line| (text(&line["variable"]), text(&line["reason"]))).collect()
}

async fn refused(variables: &[(&str, &str)]) -> String {
    let output = output(&[], variables).await;
    assert_eq!(output.status.code(), Some(2), "{variables:?}");
    String::from_utf8(output.stderr).unwrap()
}

async fn output(words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = command("http://127.0.0.1:1");
    command.args(words).envs(variables.iter().copied()).output().await.unwrap()
}

#[tokio::test]
async fn what_other_programs_call_their_settings_is_not_read() {
    let foreign =
        [("ACCESS_LOG", "-"), ("IDLE_TIMEOUT", "60"), ("MAX_CONNECTIONS", "0"), ("WORKER_THREADS", "auto")];
    let unused = unused(&foreign).await;
    let expected =
        foreign.map(|(name, _)| (name.to_owned(), format!("the setting's variable is ATTACHE_{name}")));
    assert_eq!(unused, expected);
}

#[tokio::test]
async fn what_kubernetes_sets_for_a_service_named_attache_is_ignored() {
    let service = [
        ("ATTACHE_PORT", "tcp://10.0.0.1:8080"),
        ("ATTACHE_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("ATTACHE_SERVICE_HOST", "10.0.0.1"),
        ("ATTACHE_SERVICE_PORT_HTTP", "8080"),
        ("ATTACHE_METRICS_SERVICE_PORT", "9090"),
    ];
    assert_eq!(unused(&service).await, []);
}

#[tokio::test]
async fn a_misspelt_name_is_warned_of_or_refused_where_it_has_the_prefix() {
    let unused = unused(&[("UPSTREM_HOST", "a.example"), ("ATTACHE_IMAGE", "x")]).await;
    let expected = [
        ("ATTACHE_IMAGE".to_owned(), "it is no setting".to_owned()),
        ("UPSTREM_HOST".to_owned(), "it is no setting; UPSTREAM_HOST is one".to_owned()),
    ];
    assert_eq!(unused, expected);
    let report = refused(&[("ATTACHE_ALLOW_HOSTS", "a.example")]).await;
    assert_eq!(
        report,
        "error: 1 setting needs attention\n  ATTACHE_ALLOW_HOSTS is no setting, must be ATTACHE_ALLOW_HOST\n"
    );
}

#[tokio::test]
async fn a_setting_of_the_contract_has_two_names_and_that_with_the_prefix_counts() {
    let report = refused(&[("LOG_LEVEL", "info"), ("ATTACHE_LOG_LEVEL", "loud!")]).await;
    assert!(report.contains("ATTACHE_LOG_LEVEL (--log-level) is \"loud!\""), "{report}");
    let report =
        refused(&[("TOKEN_DURATION", "2h"), ("ATTACHE_TOKEN_DURATION", "10m"), ("UPSTREAM_HOST", "/")]).await;
    assert!(report.contains("1 setting needs attention\n  UPSTREAM_HOST (--upstream-host)"), "{report}");
}

#[tokio::test]
async fn a_log_setting_that_is_not_utf_8_is_left_out() {
    for name in ["LOG_LEVEL", "LOG_FORMAT"] {
        let mut command = command("http://127.0.0.1:1");
        command.envs(UPSTREAM).env(name, OsStr::from_bytes(b"inf\xf6"));
        // No flag, so that the variable counts.
        command.args(["--listen-addr", "127.0.0.1:0", "--metrics-enabled=false"]);
        let mut program = command.spawn().unwrap();
        let mut log = BufReader::new(program.stdout.take().unwrap()).lines();
        let line = loop {
            let line =
                timeout(WAIT_LIMIT, log.next_line()).await.unwrap().unwrap().expect("the program ended");
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if line["code"] == "setting_unused" {
                break line;
            }
        };
        assert_eq!((&line["variable"], &line["reason"]), (&name.into(), &"its value must be UTF-8".into()));
        let prefixed = refusal_of_bytes(&format!("ATTACHE_{name}")).await;
        assert!(prefixed.contains("must be UTF-8"), "{prefixed}");
    }
}

/// What a start says on stderr with this variable, which is not UTF-8.
async fn refusal_of_bytes(name: &str) -> String {
    let mut command = command("http://127.0.0.1:1");
    let output =
        command.env(name, OsStr::from_bytes(b"inf\xf6")).stderr(Stdio::piped()).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn doctor_names_what_is_not_used() {
    let variables = [&UPSTREAM[..], &[("LISTEN_ADDRS", ":1"), ("METRICS_ENABLED", "false")]].concat();
    let text = String::from_utf8(output(&["doctor"], &variables).await.stdout).unwrap();
    assert!(text.contains("warning  configuration    setting_unused: pinned to"), "{text}");
    assert!(text.contains("LISTEN_ADDRS is not used: it is no setting; LISTEN_ADDR is one"), "{text}");
}
