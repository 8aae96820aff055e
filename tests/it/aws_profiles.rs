//! What AWS's files and retry settings do to a program that reads them: no setting ends a fetch.

use crate::inbound::make_fifo;
use crate::support::certificates::Certificates;
use crate::support::client::{Http1, get};
use crate::support::program::{Program, command};
use crate::support::{Sts, scrape};
use futures_util::future::join_all;
use http::StatusCode;
use std::fs;

const KEYS: &str = "[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = test\n";

const UPSTREAM: [&str; 4] = ["--upstream-host", "localhost:9", "--upstream-scheme", "http"];

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

#[tokio::test]
async fn a_file_that_is_mended_is_read_again() {
    let certificates = Certificates::new("aws_profiles_mended");
    join_all(["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"].into_iter().flat_map(|variable| {
        [(None, "cannot be read"), (Some("[default\nplanted"), "cannot be used")].map(|(broken, named)| {
            let file = certificates.path(&format!("{variable}-{}", broken.is_some()));
            mended(variable, file, broken, named)
        })
    }))
    .await;
}

/// A proxy whose file of AWS's is missing, or has this content, until it is told.
async fn mended(variable: &str, file: String, broken: Option<&str>, named: &str) {
    let sts = Sts::start().await;
    match broken {
        Some(content) => fs::write(&file, content).unwrap(),
        // That of an earlier run, where there was one.
        None => drop(fs::remove_file(&file)),
    }
    let mut command = without_keys(&sts.url);
    command.env(variable, &file);
    let mut proxy = Program::start(command, &UPSTREAM).await;
    let line = proxy.logged(|line| line["msg"] == "no token").await;
    assert_eq!(line["code"], "credentials_missing", "{line}");
    let error = line["error"].as_str().unwrap();
    assert!(error.contains(named) && !error.contains("planted"), "{line}");
    fs::write(&file, KEYS).unwrap();
    proxy.logged(|line| line["msg"] == "token obtained again").await;
}

#[tokio::test]
async fn a_program_for_credentials_that_does_not_end_is_named() {
    let sts = Sts::start().await;
    let config = Certificates::new("aws_profiles_program").path("config");
    fs::write(&config, "[default]\ncredential_process = sleep 5\n").unwrap();
    let mut command = without_keys(&sts.url);
    command.env("AWS_CONFIG_FILE", &config).env("PATH", "/usr/bin:/bin");
    let mut proxy =
        Program::start(command, &[&UPSTREAM[..], &["--token-fetch-timeout", "1s"]].concat()).await;
    let line = proxy.logged(|line| line["msg"] == "no token").await;
    assert_eq!(
        (&line["code"], &line["error"]),
        (
            &"credentials_missing".into(),
            &"no AWS credentials: the credential_process of the profile did not end within 900ms".into()
        ),
        "{line}"
    );
}

/// Without a bound, the memory of the process would grow until the system ends it.
#[tokio::test]
async fn a_program_for_credentials_that_gives_none_is_named() {
    for (number, (program, error)) in [
        ("yes", "prints more than 64 KiB"),
        ("yes 1>&2", "prints more than 64 KiB"),
        ("(yes; true)", "prints more than 64 KiB"),
        ("echo 'password=planted, ask again' >&2; exit 3", "failed, exit status: 3: password=***, ask again"),
        ("echo planted", "prints no credentials: it is no JSON object"),
        (
            "echo '{\"Version\": 1, \"AccessKeyId\": \"planted\"}'",
            "prints no credentials: its SecretAccessKey is missing",
        ),
        ("/nowhere/program", "failed, exit status: 127: "),
    ]
    .into_iter()
    .enumerate()
    {
        let config = Certificates::new(&format!("aws_profiles_prints_{number}")).path("config");
        fs::write(&config, format!("[default]\ncredential_process = {program}\n")).unwrap();
        let mut command = without_keys("http://127.0.0.1:9");
        command.env("AWS_CONFIG_FILE", &config).env("PATH", "/usr/bin:/bin");
        let mut proxy = Program::start(command, &UPSTREAM).await;
        let line = proxy.logged(|line| line["msg"] == "no token").await;
        let expected = format!("no AWS credentials: the credential_process of the profile {error}");
        assert_eq!(line["code"], "credentials_missing", "{line}");
        assert!(line["error"].as_str().unwrap().starts_with(&expected), "{line}");
        assert!(!line.to_string().contains("planted"), "{line}");
        let status = fs::read_to_string(format!("/proc/{}/status", proxy.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kilobytes < 200_000, "{program}: {kilobytes} kB");
    }
}

#[tokio::test]
async fn credentials_of_a_program_are_used() {
    let sts = Sts::start().await;
    let config = Certificates::new("aws_profiles_credentials").path("config");
    let printed = r#"{"Version": 1, "AccessKeyId": "AKIATEST", "SecretAccessKey": "test", "Expiration": "2099-01-01T00:00:00Z"}"#;
    let profile = format!("[default]\ncredential_process = echo '{printed}'\n");
    // A profile that takes its credentials from there goes through the SDK.
    let source = format!(
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n[profile base]\ncredential_process = echo '{printed}'\n"
    );
    for (content, provider) in [(profile, "a profile's credential_process"), (source, "a profile,")] {
        fs::write(&config, content).unwrap();
        let mut command = without_keys(&sts.url);
        command.env("AWS_CONFIG_FILE", &config).env("PATH", "/usr/bin:/bin");
        let output = command.args(["doctor", "--token-audience", "a"]).output().await.unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains(&format!("from {provider}")), "{told}");
        assert!(told.contains("ok       token"), "{told}");
    }
}

/// The program is not killed; but it is not run again meanwhile, and it is not waited for.
#[tokio::test]
async fn a_program_for_credentials_that_does_not_end_is_not_run_again_and_again() {
    let sts = Sts::start().await;
    let certificates = Certificates::new("aws_profiles_programs");
    let (config, runs) = (certificates.path("config"), certificates.path("runs"));
    let _ = fs::remove_file(&runs);
    fs::write(&config, format!("[default]\ncredential_process = echo run >> {runs}; sleep 20\n")).unwrap();
    let mut command = without_keys(&sts.url);
    command.env("AWS_CONFIG_FILE", &config).env("PATH", "/usr/bin:/bin");
    let flags = ["--token-fetch-timeout", "500ms"];
    let proxy = Program::start(command, &[&UPSTREAM[..], &flags].concat()).await;
    let mut caller = Http1::connect(proxy.proxy).await;
    // The first fetch and its two quick tries, and at least two more.
    while fetches(&proxy).await < 5.0 {
        assert_eq!(caller.send(get("/", &[])).await.status, StatusCode::BAD_GATEWAY);
    }
    let runs = fs::read_to_string(&runs).unwrap().lines().count();
    assert!((1..=2).contains(&runs), "{runs} runs");
}

async fn fetches(proxy: &Program) -> f64 {
    let scrape = scrape(proxy).await;
    let counts = scrape.lines().filter(|line| line.starts_with("token_fetch_count_total{"));
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// One thread serves everything here: a read that holds it would hold the requests too.
#[tokio::test]
async fn a_file_of_awss_that_is_a_pipe_holds_up_no_request() {
    let certificates = Certificates::new("aws_profiles_pipes");
    let variables = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"];
    join_all(variables.into_iter().map(|variable| {
        let pipe = certificates.path(variable);
        make_fifo(&pipe);
        held_up_by_nothing(variable, pipe)
    }))
    .await;
}

async fn held_up_by_nothing(variable: &str, pipe: String) {
    let sts = Sts::start().await;
    let mut command = without_keys(&sts.url);
    command.env(variable, &pipe).env("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/r");
    let flags = ["--token-fetch-timeout", "1s", "--worker-threads", "1"];
    let mut proxy = Program::start(command, &[&UPSTREAM[..], &flags].concat()).await;
    let line = proxy.logged(|line| line["msg"] == "no token").await;
    let error = line["error"].as_str().unwrap();
    assert!(error.contains(&format!("the file of {variable}, {pipe}, is not a regular file")), "{line}");
    let answer = Http1::connect(proxy.proxy).await.send(get("/", &[])).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{variable}");
}

/// The SDK reads each file whole: without a check, the memory of the process would grow until the system ends it.
#[tokio::test]
async fn a_file_of_awss_without_end_is_named_and_not_read() {
    let huge = Certificates::new("aws_profiles_endless").path("huge");
    // Sparse: it takes no place on the disk.
    fs::File::create(&huge).unwrap().set_len((4 << 20) + 1).unwrap();
    let variables = [
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ];
    let files = [("/dev/zero", "it is a device, and not a regular file"), (&huge, "it is longer than 4 MiB")];
    let named = |(variable, (file, problem))| async move {
        let mut command = without_keys("http://127.0.0.1:9");
        command.env(variable, file).env("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/r");
        if variable == "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" {
            command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/");
        }
        let mut proxy = Program::start(command, &UPSTREAM).await;
        let line = proxy.logged(|line| line["msg"] == "no token").await;
        let error = line["error"].as_str().unwrap();
        assert_eq!(line["code"], "credentials_missing", "{line}");
        assert!(error.contains(&format!("{variable}: {file} cannot be read: {problem}")), "{line}");
    };
    join_all(variables.into_iter().flat_map(|variable| files.map(|file| (variable, file))).map(named)).await;
}

/// `/dev/null` keeps files of a machine from being read.
#[tokio::test]
async fn an_empty_device_is_an_empty_file() {
    let sts = Sts::start().await;
    let mut command = command(&sts.url);
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    let output = command.args(["token", "--token-audience", "a"]).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn a_profile_that_is_in_no_file_is_named_and_not_the_region_that_it_would_have() {
    for (keys, code) in [
        (&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"][..], "credentials_missing"),
        (&[], "region_missing"),
    ] {
        let mut command = command("http://127.0.0.1:9");
        for key in keys {
            command.env_remove(key);
        }
        command.env_remove("AWS_REGION").env("AWS_PROFILE", "nosuch");
        let mut proxy = Program::start(command, &UPSTREAM).await;
        let line = proxy.logged(|line| line["msg"] == "no token").await;
        assert_eq!(line["code"], code, "{line}");
        let is_named = line["error"].as_str().unwrap().contains("AWS_PROFILE is nosuch");
        assert_eq!(is_named, code == "credentials_missing", "{line}");
    }
}
