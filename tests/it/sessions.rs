//! The workload's own AWS session, which no token may outlive, as each provider reports it.

use crate::support::client::{get, send};
use crate::support::program::{Program, command};
use crate::support::upstream::Upstream;
use crate::support::{Sts, claims};
use attache::emulator::api_error::ErrorCode;
use attache::emulator::call::Operation;
use attache::emulator::faults::AppliesTo;
use attache::emulator::options::Options;
use http::StatusCode;
use std::path::PathBuf;
use std::time::Duration;

/// A proxy with default flags whose credentials come from `AssumeRoleWithWebIdentity`, as on EKS with IRSA.
async fn irsa(test: &str, sts: &Sts) -> Program {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::write(&file, "a projected service account token").unwrap();
    let mut command = command(&sts.url);
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", file)
        .env("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/irsa");
    Program::start(command, &["--upstream-scheme", "http", "--allow-address", "127.0.0.0/8"]).await
}

/// One request through the proxy by this name of the upstream, and the life in seconds of the token that it got.
async fn life_of_token(proxy: &Program, upstream: &Upstream, host: &str) -> u64 {
    let name = format!("{host}:{}", upstream.address.port());
    let answer = send(proxy.proxy, get("/", &[("x-upstream-host", &name)])).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let claims = claims(upstream.seen().pop().unwrap().token());
    claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap()
}

#[tokio::test]
async fn a_new_session_of_an_hour_gives_a_token_of_nearly_an_hour() {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    let proxy = irsa("session-0", &sts).await;
    let life = life_of_token(&proxy, &upstream, "localhost").await;
    assert!((3580..=3595).contains(&life), "{life}");
    assert_eq!(sts.mints(), 1, "the session's end was known beforehand");
}

#[tokio::test]
async fn a_session_that_has_aged_half_an_hour_gives_a_token_of_nearly_half_an_hour() {
    let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
    sts.handle.update_faults(|faults| faults.session_age_seconds = 30 * 60);
    let proxy = irsa("session-30", &sts).await;
    let life = life_of_token(&proxy, &upstream, "localhost").await;
    assert!((1780..=1795).contains(&life), "{life}");
    assert_eq!(sts.mints(), 1);
}

#[tokio::test]
async fn a_session_that_is_nearly_over_is_replaced_before_anybody_notices() {
    for aged in [30, 59] {
        let (sts, upstream) = (Sts::start().await, Upstream::echo().await);
        let proxy = irsa(&format!("session-held-{aged}"), &sts).await;
        life_of_token(&proxy, &upstream, "localhost").await;
        let held = sts.handle.calls().into_iter().find_map(|call| call.access_key_id).unwrap();
        sts.handle.set_session_of(&held, Some(Duration::from_secs(3600 - aged * 60)));
        // Another name for the same upstream, and so a token of its own.
        let life = life_of_token(&proxy, &upstream, "127.0.0.1").await;
        assert!((3500..=3595).contains(&life), "{life} with a session aged {aged} minutes");
        let sessions = sts.handle.received(Operation::AssumeRoleWithWebIdentity);
        assert_eq!(sessions, 2, "the old session was replaced once");
    }
}

#[tokio::test]
async fn a_session_that_is_refused_is_said_in_one_line_of_our_own() {
    let sts = Sts::start().await;
    sts.handle.update_faults(|faults| {
        faults.actions = AppliesTo::Only(Operation::AssumeRoleWithWebIdentity);
        faults.error = Some(ErrorCode::AccessDenied);
    });
    let mut proxy = irsa("session-refused", &sts).await;
    send(proxy.proxy, get("/", &[("x-upstream-host", "127.0.0.1:9")])).await;
    let line = proxy.logged(|line| line["msg"] == "no token").await;
    assert!(line["error"].as_str().unwrap().contains("AccessDenied"), "{line}");
    assert!(line["error"].as_str().unwrap().len() < 400, "{line}");
    // The SDK's own words are pages long and hold the answer as it came.
    let others: Vec<_> = proxy.log().into_iter().filter(|line| line.get("logger").is_some()).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[tokio::test]
async fn environment_credentials_with_ten_unknown_minutes_get_a_token_within_the_first_fetch() {
    let options = Options { session: Some(Duration::from_secs(600)), ..Options::default() };
    let (sts, upstream) = (Sts::with(options).await, Upstream::echo().await);
    let flags = ["--upstream-host", &upstream.authority(), "--upstream-scheme", "http"];
    let proxy = Program::serve(&sts.url, &flags).await;
    let answer = send(proxy.proxy, get("/", &[])).await;
    assert_eq!(answer.status, StatusCode::OK);
    let claims = claims(upstream.only_request().token());
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 450);
    let refused = sts.handle.answered(Operation::GetWebIdentityToken, "SessionDurationEscalationException");
    assert_eq!((refused, sts.mints()), (3, 4));
}
