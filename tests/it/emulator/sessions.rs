//! No token outlives the session that asks for it.

use super::world::{ABOUT, MINT, World};
use attache::emulator::call::Operation;
use attache::emulator::options::Options;
use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sts::operation::get_web_identity_token::GetWebIdentityTokenError;
use serde_json::json;
use std::time::Duration;

const ESCALATION: (u16, &str) = (403, "SessionDurationEscalationException");

#[tokio::test]
async fn a_session_mints_within_its_life_and_says_when_it_ends() {
    let world = World::start().await;
    let session = world
        .assume("DurationSeconds=900&SourceIdentity=alice&Tags.member.1.Key=team&Tags.member.1.Value=data")
        .await;
    let key = session.element("AccessKeyId");
    assert!(key.starts_with("ASIA"));
    assert_eq!(session.element("Arn"), "arn:aws:sts::123456789012:assumed-role/worker/job-1");

    let claims = world.minted(key, &format!("{MINT}&DurationSeconds=300")).await.claims;
    assert_eq!(claims["sub"], "arn:aws:iam::123456789012:role/team/worker");
    assert_eq!(claims[ABOUT]["original_session_exp"], session.element("Expiration"));
    assert_eq!(claims[ABOUT]["principal_tags"], json!({ "team": "data" }));
    assert_eq!(claims[ABOUT]["source_identity"], "alice");
    assert_eq!(world.call_as(key, &format!("{MINT}&DurationSeconds=3600")).await.error(), ESCALATION);
}

#[tokio::test]
async fn a_session_that_is_handed_out_old_ends_when_it_says() {
    let world = World::start().await;
    world.handle.update_faults(|faults| faults.session_age_seconds = 59 * 60);
    let session = world.assume("").await;
    let key = session.element("AccessKeyId");
    assert_eq!(world.call_as(key, MINT).await.error(), ESCALATION);

    world.handle.update_faults(|faults| faults.session_age_seconds = 3600);
    let over = world.assume("").await;
    assert_eq!(world.call_as(over.element("AccessKeyId"), MINT).await.error(), (403, "ExpiredToken"));
}

#[tokio::test]
async fn a_session_nobody_reported_ends_all_the_same() {
    let world = World::with(Options { session: Some(Duration::from_secs(200)), ..Options::default() }).await;
    assert_eq!(world.call(MINT).await.error(), ESCALATION);
    let claims = world.minted("AKIA1", &format!("{MINT}&DurationSeconds=60")).await.claims;
    assert!(claims[ABOUT]["original_session_exp"].is_string());

    world.handle.set_session_of("AKIA1", None);
    assert!(world.minted("AKIA1", MINT).await.claims[ABOUT].get("original_session_exp").is_none());
    assert_eq!(world.call_as("AKIA2", MINT).await.error(), ESCALATION);

    let (status, _) = world.json("PUT", "/_emulator/session", r#"{"remaining_seconds": null}"#).await;
    assert_eq!((status.as_u16(), world.call_as("AKIA2", MINT).await.status.as_u16()), (204, 200));
}

#[tokio::test]
async fn any_web_identity_token_gets_a_session_without_a_signature() {
    let world = World::start().await;
    let ask = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/pod&RoleSessionName=pod-1&WebIdentityToken=";
    let opaque = world.send("POST", "/", &[], &format!("{ask}anything")).await.unwrap();
    let claims = world.minted(opaque.element("AccessKeyId"), MINT).await.claims;
    assert_eq!(claims["sub"], "arn:aws:iam::123456789012:role/pod");

    let jwt = world.call(MINT).await.element("WebIdentityToken").to_owned();
    let own = world.send("POST", "/", &[], &format!("{ask}{jwt}")).await.unwrap();
    assert_eq!(own.element("Provider"), world.issuer);
    assert_eq!(own.element("Audience"), "https://api.example.com");
    assert_eq!(own.element("SubjectFromWebIdentityToken"), "arn:aws:iam::123456789012:role/demo/attache");
}

#[tokio::test]
async fn a_session_started_by_a_session_lasts_an_hour_at_most() {
    let world = World::start().await;
    let session = world.assume("DurationSeconds=43200").await;
    let ask = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/next&RoleSessionName=s2&DurationSeconds=";
    let key = session.element("AccessKeyId");
    assert_eq!(world.call_as(key, &format!("{ask}3601")).await.error(), (400, "ValidationError"));
    assert_eq!(world.call_as(key, &format!("{ask}3600")).await.status, 200);
}

#[tokio::test]
async fn the_aws_sdk_for_rust_mints_and_knows_the_refusal_by_its_type() {
    let world = World::start().await;
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("ap-south-1"))
        .credentials_provider(Credentials::new("AKIASDK", "secret", None, None, "test"))
        .endpoint_url(format!("http://{}", world.addr))
        .build();
    let client = aws_sdk_sts::Client::from_conf(config);
    let mint = || client.get_web_identity_token().audience("b").audience("a").signing_algorithm("ES384");

    let answer = mint().send().await.unwrap();
    let claims = world.verified(answer.web_identity_token().unwrap()).await.claims;
    assert_eq!((&claims["aud"], &claims[ABOUT]["source_region"]), (&json!(["b", "a"]), &json!("ap-south-1")));
    assert_eq!(answer.expiration().unwrap().secs(), claims["exp"].as_i64().unwrap());

    world.handle.set_session(Some(Duration::from_secs(100)));
    let refused = mint().send().await.unwrap_err().into_service_error();
    assert!(matches!(refused, GetWebIdentityTokenError::SessionDurationEscalationException(_)));
    assert_eq!(world.handle.received(Operation::GetWebIdentityToken), 2);
}
