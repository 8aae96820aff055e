//! Programs whose environment says odd things about AWS.

use super::program::{Program, WAIT_LIMIT, command};
use serde_json::Value;
use std::process::Output;
use tokio::time::timeout;

/// Variables that take the place of those that a test's program has; `None` takes one away.
pub type Variables<'v> = &'v [(&'v str, Option<&'v str>)];

/// Takes the keys of a test's program away.
pub const NO_KEYS: [(&str, Option<&str>); 2] = [("AWS_ACCESS_KEY_ID", None), ("AWS_SECRET_ACCESS_KEY", None)];

/// A program with these variables.
fn with(url: &str, variables: Variables<'_>) -> tokio::process::Command {
    let mut command = command(url);
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// A proxy with these variables, and what it logs about its first token.
pub async fn no_token(url: &str, variables: Variables<'_>) -> (Program, Value) {
    let flags = ["--upstream-host", "localhost:9", "--upstream-scheme", "http"];
    let mut proxy = Program::start(with(url, variables), &flags).await;
    let line = proxy.logged(|line| line["msg"] == "no token").await;
    (proxy, line)
}

/// What a command says on both streams.
pub async fn command_output(url: &str, variables: Variables<'_>, arguments: &[&str]) -> (Output, String) {
    let mut command = with(url, variables);
    let output = command.args(arguments).stderr(std::process::Stdio::piped()).output();
    let output = timeout(WAIT_LIMIT, output).await.unwrap().unwrap();
    let told = [&output.stdout[..], &output.stderr[..]].concat();
    (output, String::from_utf8(told).unwrap())
}
