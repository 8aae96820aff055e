//! What is wrong at AWS, as the emulator plays it.

use super::examination::{examine, examine_with, row};
use crate::support::Sts;
use crate::support::claims;
use crate::support::program::{Program, command};
use crate::support::upstream::Upstream;
use std::time::Duration;

#[tokio::test]
async fn a_denial_comes_with_the_policy_to_paste_and_the_command_to_attach_it() {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| faults.deny_audiences = vec!["https://a.example".to_owned()]);
    let flags = [
        "--token-audience",
        "https://a.example",
        "--token-duration",
        "15m",
        "--token-signing-algorithm",
        "ES384",
    ];
    let examination = examine(&sts.url, &flags).await;
    let token = examination.check("token");
    assert!(
        token["next"].as_str().unwrap().contains("aws iam put-role-policy --role-name attache"),
        "{token:#}"
    );
    let condition = &token["policy"]["Statement"][0]["Condition"];
    assert_eq!(condition["ForAllValues:StringEquals"]["sts:IdentityTokenAudience"][0], "https://a.example");
    assert_eq!(condition["NumericLessThanEquals"]["sts:DurationSeconds"], 900);
    assert_eq!(condition["StringEquals"]["sts:SigningAlgorithm"], "ES384");
}

#[tokio::test]
async fn a_policy_to_paste_says_which_audiences_it_leaves_out() {
    let sts = Sts::start().await;
    let (plain, secret) = ("https://a.example/?tenant=b", "https://a.example/?api_key=planted");
    sts.handle.update_faults(|faults| faults.deny_audiences = vec![plain.to_owned()]);
    let examination = examine(&sts.url, &["--token-audience", plain, "--token-audience", secret]).await;
    let token = examination.check("token");
    let condition = &token["policy"]["Statement"][0]["Condition"];
    assert_eq!(
        condition["ForAllValues:StringEquals"]["sts:IdentityTokenAudience"],
        serde_json::json!([plain])
    );
    assert!(
        token["next"]
            .as_str()
            .unwrap()
            .contains("this, and 1 more of --token-audience that may hold a secret, as policy.json"),
        "{token:#}"
    );
    assert!(!examination.report.to_string().contains("planted"), "{:#}", examination.report);
}

#[tokio::test]
async fn a_session_that_ends_first_shortens_the_token() {
    let sts = Sts::start().await;
    sts.handle.set_session(Some(Duration::from_secs(600)));
    let told = row("the session ends first", "session_too_short", "longer sessions");
    let examination =
        examine(&sts.url, &["--upstream-host", "127.0.0.1:1", "--upstream-scheme", "http"]).await;
    // The upstream that does not run is a failure, so the warning stands with the token.
    assert_eq!(examination.check("token")["code"], told.code, "{:#}", examination.report);
    assert!(examination.check("token")["next"].as_str().unwrap().contains(told.cure));
    sts.handle.set_session(Some(Duration::from_secs(30)));
    let too_short = row("the session is over", "session_too_short", "shorten --token-duration");
    examine(&sts.url, &["--token-audience", "a"]).await.assert_names(too_short, "failed");
}

#[tokio::test]
async fn where_region_and_credentials_come_from_is_told() {
    let (sts, directory) = (Sts::start().await, std::path::Path::new(env!("CARGO_TARGET_TMPDIR")));
    let file = directory.join("doctor-aws-config");
    std::fs::write(
        &file,
        "[default]\nregion = eu-west-3\naws_access_key_id = A\naws_secret_access_key = b\n",
    )
    .unwrap();
    let mut from_profile = command(&sts.url);
    for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        from_profile.env_remove(name);
    }
    from_profile.env("AWS_CONFIG_FILE", &file);
    let flags = ["--token-audience", "a"];
    let examination = examine_with(from_profile, &flags).await;
    let seen = |check: &str| examination.check(check)["seen"].as_str().unwrap().to_owned();
    assert_eq!(seen("region"), "eu-west-3, from the profile in AWS's configuration file");
    assert!(seen("credentials").contains("from a profile, long-term keys"), "{}", seen("credentials"));

    let mut from_default = command(&sts.url);
    from_default.env_remove("AWS_REGION").env("AWS_DEFAULT_REGION", "eu-west-2");
    let examination = examine_with(from_default, &flags).await;
    assert_eq!(examination.check("region")["seen"], "eu-west-2, from AWS_DEFAULT_REGION");
}

#[tokio::test]
async fn a_role_assumed_by_web_identity_is_told_with_its_session() {
    let (sts, directory) = (Sts::start().await, std::path::Path::new(env!("CARGO_TARGET_TMPDIR")));
    let file = directory.join("doctor-web-identity-token");
    std::fs::write(&file, "opaque").unwrap();
    let mut irsa = command(&sts.url);
    irsa.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    irsa.env("AWS_WEB_IDENTITY_TOKEN_FILE", &file).env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod");
    let examination = examine_with(irsa, &["--token-audience", "a"]).await;
    let credentials = examination.check("credentials")["seen"].as_str().unwrap();
    assert!(credentials.contains("assumed-role/pod/"), "{credentials}");
    assert!(
        credentials.contains("from a web identity token (IRSA), session ends in 59 minutes"),
        "{credentials}"
    );
    assert_eq!(examination.report["verdict"], "ok", "{:#}", examination.report);
}

#[tokio::test]
async fn a_set_up_that_works_is_all_well_beside_the_proxy_that_runs_it() {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let host = upstream.authority();
    let flags = ["--upstream-scheme", "http", "--upstream-host", &host];
    let mut fastest = Duration::MAX;
    // How long it takes is the doctor's matter, how busy this machine is another's.
    for _ in 0..3 {
        let before = examine(&sts.url, &flags).await;
        assert_eq!(
            (&before.report["verdict"], before.status),
            (&"ok".into(), Some(0)),
            "{:#}",
            before.report
        );
        fastest = fastest.min(before.took);
    }
    assert!(fastest < Duration::from_secs(3), "{fastest:?}");
    let token = upstream.seen().pop().unwrap().token().to_owned();
    assert_eq!(claims(&token)["aud"], "http://localhost");

    let proxy = Program::serve(&sts.url, &flags).await;
    let (listen, metrics) = (proxy.proxy.to_string(), proxy.admin.to_string());
    let taken = ["--listen-addr", &listen, "--metrics-listen-addr", &metrics];
    let beside = examine(&sts.url, &[&flags[..], &taken].concat()).await;
    assert_eq!(beside.report["verdict"], "ok", "{:#}", beside.report);
    for check in ["listen_address", "metrics_address"] {
        let seen = beside.check(check)["seen"].as_str().unwrap();
        assert!(seen.contains("in use by an attache that runs"), "{seen}");
    }
}

#[tokio::test]
async fn a_person_reads_a_line_a_check_and_a_last_one_that_says_where_to_begin() {
    let sts = Sts::start().await;
    sts.handle.set_federation_enabled(false);
    let flags = ["doctor", "--token-audience=a", "--allow-host=*"];
    let free = ["--listen-addr=127.0.0.1:0", "--metrics-listen-addr=127.0.0.1:0"];
    let output = command(&sts.url).args(flags).args(free).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "ok       listen address   127.0.0.1:0 is free");
    let token = lines
        .iter()
        .position(|line| line.starts_with("failed   token            federation_disabled: "))
        .unwrap();
    assert!(
        lines[token + 1].starts_with("         next: enable it once per account: aws iam enable-"),
        "{text}"
    );
    assert_eq!(
        *lines.last().unwrap(),
        "most likely: federation_disabled: the account has outbound web identity federation turned off \
         (docs/troubleshooting.md#federation_disabled)"
    );
    assert_eq!(output.status.code(), Some(1));
}
