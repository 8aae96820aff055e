//! What AWS's files and retry settings do to a program that reads them: no setting ends a fetch.

use crate::support::Sts;
use crate::support::certificates::Certificates;
use crate::support::program::command;
use std::fs;

const KEYS: &str = "[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = test\n";

/// A program without keys of its own in the environment.
fn without_keys(url: &str) -> tokio::process::Command {
    let mut command = command(url);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command
}

#[tokio::test]
async fn no_retry_setting_of_aws_ends_a_fetch() {
    let sts = Sts::start().await;
    for (name, value) in [
        ("AWS_RETRY_MODE", "legacy"),
        ("AWS_RETRY_MODE", ""),
        ("AWS_RETRY_MODE", "\"standard\""),
        ("AWS_MAX_ATTEMPTS", "0"),
        ("AWS_MAX_ATTEMPTS", "-1"),
        ("AWS_MAX_ATTEMPTS", ""),
    ] {
        let output =
            command(&sts.url).env(name, value).args(["token", "--token-audience", "a"]).output().await;
        assert!(output.unwrap().status.success(), "{name}={value}");
    }
    let config = Certificates::new("aws_profiles_retry").path("config");
    for line in ["retry_mode = legacy", "max_attempts = 0"] {
        fs::write(&config, format!("{KEYS}{line}\n")).unwrap();
        let mut command = without_keys(&sts.url);
        let output =
            command.env("AWS_CONFIG_FILE", &config).args(["token", "--token-audience", "a"]).output();
        assert!(output.await.unwrap().status.success(), "{line}");
    }
}
