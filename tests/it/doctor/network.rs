//! A machine without any network: a verdict, and soon.

use super::examination::examine_with;
use crate::support::program::command;
use std::time::Duration;
use tokio::process::Command;

/// The program in a network namespace of its own, which has nothing, not even loopback; `None` where this system gives
/// none.
async fn without_network() -> Option<Command> {
    for flags in ["-n", "-rn"] {
        let tried = Command::new("unshare").args([flags, "true"]).output().await;
        if tried.is_ok_and(|output| output.status.success()) {
            let mut command = Command::new("unshare");
            command.args([flags, env!("CARGO_BIN_EXE_attache")]).env_clear().kill_on_drop(true);
            return Some(command);
        }
    }
    None
}

#[tokio::test]
async fn there_is_a_verdict_within_15_seconds() {
    let upstream = ["--upstream-host", "api.example.com"];
    let keys =
        [("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "eu-west-1")];
    // From nothing at all to all but the network: each is stopped at another place.
    for (count, code) in [(0, "region_missing"), (3, "sts_unreachable")] {
        let Some(mut command) = without_network().await else {
            // Elsewhere an STS that does not run and a name that does not exist come nearest.
            let examination = examine_with(command_nowhere(), &["--upstream-host", "nowhere.invalid"]).await;
            assert!(examination.took < Duration::from_secs(15), "{:?}", examination.took);
            continue;
        };
        command.envs(keys.into_iter().take(count));
        let examination = examine_with(command, &upstream).await;
        assert!(examination.took < Duration::from_secs(15), "{:?}", examination.took);
        assert_eq!(examination.report["most_likely"]["code"], code, "{:#}", examination.report);
        assert_eq!(examination.check("upstream")["verdict"], "failed", "{:#}", examination.report);
        assert_eq!(examination.status, Some(1));
    }
}

fn command_nowhere() -> Command {
    command("http://127.0.0.1:1")
}

/// A machine whose packets vanish, played by listeners that take connections and never answer.
#[tokio::test]
async fn what_never_answers_is_given_up_within_15_seconds() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = silent.local_addr().unwrap().to_string();
    let url = format!("http://{authority}");
    let upstream = ["--upstream-host", &authority, "--upstream-scheme", "http"];
    // Metadata is asked for the region, then for credentials, and then it is STS.
    let stages = [
        (&["AWS_REGION", "AWS_ACCESS_KEY_ID"][..], "region_missing"),
        (&["AWS_ACCESS_KEY_ID"], "credentials_missing"),
        (&[], "sts_unreachable"),
    ];
    for (missing, code) in stages {
        let mut command = command(&url);
        command.env_remove("AWS_EC2_METADATA_DISABLED").env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url);
        for name in missing {
            command.env_remove(name);
        }
        let examination = examine_with(command, &upstream).await;
        assert!(examination.took < Duration::from_secs(15), "{:?}", examination.took);
        assert_eq!(examination.report["most_likely"]["code"], code, "{:#}", examination.report);
        assert_eq!(examination.check("upstream")["code"], "upstream_timeout", "{:#}", examination.report);
    }
}
