//! What is wrong at AWS, as the emulator plays it.

use super::examination::{Row, examine, examine_with, row};
use crate::support::Sts;
use crate::support::claims;
use crate::support::program::{Program, command};
use crate::support::upstream::Upstream;
use attache::emulator::api_error::ErrorCode;
use attache::emulator::call::Algorithm;
use attache::emulator::faults::{AppliesTo, Faults, Outage};
use std::time::Duration;

/// A fault of the emulator with the flags that show it.
type Fault = (Row, Faults, &'static [&'static str]);

fn error(code: ErrorCode) -> Faults {
    Faults { error: Some(code), ..Faults::default() }
}

fn everywhere(faults: Faults) -> Faults {
    Faults { actions: AppliesTo::All, ..faults }
}

const TWO_AUDIENCES: &[&str] =
    &["--token-audience", "https://a.example", "--token-audience", "https://b.example"];

fn refusals() -> Vec<Fault> {
    let none = Faults::default;
    vec![
        (
            row("the audience is denied", "sts_access_denied", "it is the audience, or the action itself"),
            Faults { deny_audiences: vec!["https://b.example".to_owned()], ..none() },
            &["--token-audience", "https://b.example"],
        ),
        (
            row(
                "one audience of two is denied",
                "sts_access_denied",
                "https://b.example: the policy does not allow",
            ),
            Faults { deny_audiences: vec!["https://b.example".to_owned()], ..none() },
            TWO_AUDIENCES,
        ),
        (
            row("the duration is denied", "sts_access_denied", "limits sts:DurationSeconds"),
            Faults { deny_duration_above: Some(600), ..none() },
            &[],
        ),
        (
            row("the algorithm is denied", "sts_access_denied", "--token-signing-algorithm ES384"),
            Faults { deny_algorithm: Some(Algorithm::Rs256), ..none() },
            &[],
        ),
        (
            row("tags are denied", "sts_access_denied", "allow it, or leave out --token-tag"),
            Faults { deny_tags: true, ..none() },
            &["--token-tag", "team=data"],
        ),
        (
            row("throttled", "sts_throttled", "tries go on more slowly"),
            Faults { throttle: true, ..none() },
            &[],
        ),
        (
            row(
                "the feature is off",
                "federation_disabled",
                "aws iam enable-outbound-web-identity-federation",
            ),
            error(ErrorCode::OutboundWebIdentityFederationDisabledException),
            &[],
        ),
        (
            row("too many tags", "token_too_large", "fewer or shorter --token-tag"),
            error(ErrorCode::JwtPayloadSizeExceededException),
            &[],
        ),
        (
            row("outside the limits", "sts_validation", "against the limits of STS"),
            error(ErrorCode::ValidationError),
            &[],
        ),
        (
            row("an unusual refusal", "sts_refused", "enable the region"),
            error(ErrorCode::RegionDisabledException),
            &[],
        ),
        (
            row("the session is refused", "session_too_short", "shorten --token-duration"),
            error(ErrorCode::SessionDurationEscalationException),
            &[],
        ),
        (
            row("expired credentials", "credentials_expired", "see what provides them"),
            everywhere(error(ErrorCode::ExpiredToken)),
            &[],
        ),
        (
            row("an unknown key", "access_key_unknown", "see where the credentials come from"),
            everywhere(error(ErrorCode::InvalidClientTokenId)),
            &[],
        ),
        (
            row("a wrong secret", "signature_rejected", "see that the secret key is right"),
            everywhere(error(ErrorCode::SignatureDoesNotMatch)),
            &[],
        ),
        (
            row("a wrong clock behind a refused signature", "clock_skew", "set this machine's clock by NTP"),
            Faults { clock_offset_seconds: 3600, ..everywhere(error(ErrorCode::SignatureDoesNotMatch)) },
            &[],
        ),
    ]
}

fn outages() -> Vec<Fault> {
    let none = Faults::default;
    vec![
        (
            row("minting is unwell", "sts_unwell", "until STS is well again"),
            Faults { outage: Some(Outage::ServiceUnavailable), ..none() },
            &[],
        ),
        (
            row("something before STS is unwell", "sts_unwell", "until STS is well again"),
            everywhere(Faults { outage: Some(Outage::BadGateway), ..none() }),
            &[],
        ),
        (
            row("STS hangs", "sts_unreachable", "check the route"),
            everywhere(Faults { hang: true, ..none() }),
            &[],
        ),
        (row("STS hangs up", "sts_unreachable", "check the route"), Faults { close: true, ..none() }, &[]),
        (
            row("STS is slower than allowed", "sts_timeout", "check the route"),
            Faults { latency_ms: 60_000, ..none() },
            &["--token-fetch-timeout", "1s"],
        ),
    ]
}

fn wrong_tokens() -> Vec<Fault> {
    let none = Faults::default;
    vec![
        (
            row("another audience", "token_differs", "see what answers in place of STS"),
            Faults { mint_audience: Some("https://elsewhere.example".to_owned()), ..none() },
            &[],
        ),
        (
            row("another algorithm", "token_differs", "see what answers in place of STS"),
            Faults { mint_algorithm: Some(Algorithm::Es384), ..none() },
            &[],
        ),
        (
            row("another expiry", "token_differs", "see what answers in place of STS"),
            Faults { exp_offset_seconds: -60, ..none() },
            &[],
        ),
        (
            row("another's signature", "token_unverifiable", "see the machine's clock"),
            Faults { spoil_signature: true, ..none() },
            &[],
        ),
        (
            row("a token of yesterday", "clock_skew", "set this machine's clock by NTP"),
            Faults { clock_offset_seconds: -86_400, ..none() },
            &[],
        ),
    ]
}

fn doubts() -> Vec<Fault> {
    let none = Faults::default;
    vec![
        (
            row("a shorter life", "token_differs", "a call to STS that much more often"),
            Faults { token_life_seconds: Some(120), ..none() },
            &[],
        ),
        (
            row("the clock is off", "clock_skew", "set this machine's clock by NTP"),
            Faults { clock_offset_seconds: 120, ..none() },
            &[],
        ),
        (
            row("the issuer is down", "issuer_unreachable", "whoever verifies the token does"),
            Faults { documents_down: true, ..none() },
            &[],
        ),
    ]
}

async fn each_is_named(faults: Vec<Fault>, verdict: &str) {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let host = upstream.authority();
    for (row, faults, flags) in faults {
        sts.handle.set_faults(faults);
        let all = [&["--upstream-scheme", "http", "--upstream-host", &host], flags].concat();
        examine(&sts.url, &all).await.assert_names(row, verdict);
    }
}

#[tokio::test]
async fn refusals_are_translated() {
    each_is_named(refusals(), "failed").await;
}

#[tokio::test]
async fn outages_are_told_from_refusals() {
    each_is_named(outages(), "failed").await;
}

#[tokio::test]
async fn a_token_that_is_not_what_was_asked_for_is_a_failure() {
    each_is_named(wrong_tokens(), "failed").await;
}

#[tokio::test]
async fn what_works_and_may_not_for_long_is_a_warning() {
    each_is_named(doubts(), "warning").await;
}

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
