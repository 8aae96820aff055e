//! Faults on demand, and what is counted.

use super::world::{MINT, World};
use attache::emulator::call::{Algorithm, Operation};
use attache::emulator::faults::{AppliesTo, Faults, Outage};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

#[tokio::test]
async fn an_outage_has_its_status_until_it_ends() {
    let world = World::start().await;
    for (outage, status, type_) in [
        (Outage::InternalFailure, 500, "text/xml"),
        (Outage::BadGateway, 502, "text/html"),
        (Outage::ServiceUnavailable, 503, "text/xml"),
        (Outage::GatewayTimeout, 504, "text/html"),
    ] {
        world.handle.set_faults(Faults { outage: Some(outage), ..Faults::default() });
        let answer = world.call(MINT).await;
        assert_eq!(
            (answer.status.as_u16(), answer.headers["content-type"].to_str().unwrap()),
            (status, type_)
        );
    }
    world.handle.set_faults(Faults::default());
    assert_eq!(world.call(MINT).await.status, 200);
}

#[tokio::test]
async fn faults_of_the_way_hit_minting_unless_told_to_hit_all() {
    let world = World::start().await;
    world.handle.set_faults(Faults { throttle: true, ..Faults::default() });
    let throttled = world.call(MINT).await;
    assert_eq!((throttled.error(), throttled.element("Message")), ((400, "Throttling"), "Rate exceeded"));
    assert_eq!(world.call(WHO).await.status, 200);

    world.handle.update_faults(|faults| faults.actions = AppliesTo::All);
    assert_eq!(world.call(WHO).await.error(), (400, "Throttling"));
}

#[tokio::test]
async fn a_call_hangs_until_it_is_released() {
    let world = World::start().await;
    world.handle.update_faults(|faults| faults.hang = true);
    let release = async {
        world.handle.wait_for_calls(Operation::GetWebIdentityToken, 1).await;
        assert_eq!(world.handle.calls()[0].outcome, None);
        world.handle.update_faults(|faults| faults.hang = false);
    };
    let (answer, ()) = tokio::join!(world.call(MINT), release);
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_shutdown_answers_the_calls_that_hang() {
    let world = World::start().await;
    world.handle.update_faults(|faults| faults.hang = true);
    let handle = world.handle.clone();
    let addr = world.addr;
    let shut_down = async {
        handle.wait_for_calls(Operation::GetWebIdentityToken, 1).await;
        world.shut_down().await;
    };
    let call = async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
        let request = format!("POST / HTTP/1.1\r\nhost: e\r\ncontent-length: {}\r\n\r\n{MINT}", MINT.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let (answer, ()) = tokio::join!(call, shut_down);
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[tokio::test]
async fn a_connection_can_be_closed_without_an_answer() {
    let world = World::start().await;
    world.handle.update_faults(|faults| faults.close = true);
    let answer = world.send("POST", "/", &[], MINT).await;
    assert!(answer.err().unwrap().is_incomplete_message());
    assert_eq!(world.handle.answered(Operation::GetWebIdentityToken, "closed"), 1);
}

#[tokio::test]
async fn latency_comes_before_the_answer() {
    let world = World::start().await;
    world.handle.update_faults(|faults| faults.latency_ms = 80);
    let before = Instant::now();
    assert_eq!(world.call(MINT).await.status, 200);
    assert!(before.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_denial_names_the_action_that_is_missing() {
    let world = World::start().await;
    let tags = "Tags.member.1.Key=k&Tags.member.1.Value=v";
    for (faults, call, action) in [
        (
            Faults { deny_audiences: vec!["https://api.example.com".to_owned()], ..Faults::default() },
            MINT.to_owned(),
            "perform: sts:GetWebIdentityToken ",
        ),
        (
            Faults { deny_duration_above: Some(899), ..Faults::default() },
            format!("{MINT}&DurationSeconds=900"),
            "perform: sts:GetWebIdentityToken ",
        ),
        (
            Faults { deny_algorithm: Some(Algorithm::Rs256), ..Faults::default() },
            MINT.to_owned(),
            "perform: sts:GetWebIdentityToken ",
        ),
        (
            Faults { deny_tags: true, ..Faults::default() },
            format!("{MINT}&{tags}"),
            "perform: sts:TagGetWebIdentityToken ",
        ),
    ] {
        world.handle.set_faults(faults);
        let answer = world.call(&call).await;
        assert_eq!(answer.error(), (403, "AccessDenied"));
        assert!(answer.element("Message").contains(action), "{}", answer.body);
        let other =
            "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=x&SigningAlgorithm=ES384";
        assert_eq!(world.call(other).await.status, 200);
    }
}

#[tokio::test]
async fn a_token_can_be_other_than_it_was_asked_to_be() {
    let world = World::start().await;
    world.handle.set_faults(Faults {
        token_life_seconds: Some(2),
        mint_audience: Some("https://elsewhere.example.com".to_owned()),
        mint_algorithm: Some(Algorithm::Es384),
        clock_offset_seconds: -86_400 * 365,
        ..Faults::default()
    });
    let honest = World::start().await.minted("AKIA1", MINT).await.claims["iat"].as_i64().unwrap();
    let token = world.minted("AKIA1", MINT).await;
    let (issued, expiry) = (token.claims["iat"].as_i64().unwrap(), token.claims["exp"].as_i64().unwrap());
    assert_eq!(token.claims["aud"], "https://elsewhere.example.com");
    assert_eq!(token.header.kid.as_deref(), Some("EC384_0"));
    assert_eq!(expiry - issued, 2);
    assert!((364 * 86_400..366 * 86_400).contains(&(honest - issued)));
}

#[tokio::test]
async fn a_token_may_contradict_what_is_said_of_it() {
    let world = World::start().await;
    let honest = world.minted("AKIA1", MINT).await;
    let life = |claims: &serde_json::Value| claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    world.handle.set_faults(Faults { exp_offset_seconds: -60, ..Faults::default() });
    let earlier = world.minted("AKIA1", MINT).await;
    assert_eq!(life(&honest.claims) - life(&earlier.claims), 60);

    world.handle.set_faults(Faults { spoil_signature: true, ..Faults::default() });
    let answer = world.call(MINT).await;
    let error = world.checked(answer.element("WebIdentityToken")).await.unwrap_err();
    assert_eq!(*error.kind(), jsonwebtoken::errors::ErrorKind::InvalidSignature);
}

#[tokio::test]
async fn the_issuers_documents_can_be_gone_while_tokens_are_minted() {
    let world = World::start().await;
    world.handle.set_faults(Faults { documents_down: true, ..Faults::default() });
    let issuer = world.issuer.strip_prefix(&format!("http://{}", world.addr)).unwrap();
    for document in ["openid-configuration", "jwks.json"] {
        let path = format!("{issuer}/.well-known/{document}");
        assert_eq!(world.send("GET", &path, &[], "").await.unwrap().status, 503, "{document}");
    }
    assert_eq!(world.call(MINT).await.status, 200);
}

#[tokio::test]
async fn faults_are_set_over_http_field_by_field() {
    let world = World::start().await;
    let (status, faults) =
        world.json("PUT", "/_emulator/faults", r#"{"error": "ExpiredToken", "outage": null}"#).await;
    assert_eq!((status.as_u16(), &faults["error"]), (200, &json!("ExpiredToken")));
    assert_eq!(world.call(MINT).await.error(), (403, "ExpiredToken"));

    let patch = r#"{"outage": 503, "error": null, "actions": "all"}"#;
    let (_, faults) = world.json("PATCH", "/_emulator/faults", patch).await;
    assert_eq!((&faults["outage"], &faults["error"]), (&json!(503), &json!(null)));
    assert_eq!(world.call(WHO).await.error(), (503, "ServiceUnavailable"));

    for wrong in [r#"{"outage": 404}"#, r#"{"no_such_fault": 1}"#, r#"{"actions": "Sing"}"#, "nonsense"] {
        for method in ["PUT", "PATCH"] {
            let (status, _) = world.json(method, "/_emulator/faults", wrong).await;
            assert_eq!(status, 400, "{method} {wrong}");
        }
    }
    assert_eq!(world.handle.faults().outage, Some(Outage::ServiceUnavailable));
}

#[tokio::test]
async fn calls_are_counted_and_remembered_without_their_secrets() {
    let world = World::start().await;
    let session = world.assume("").await;
    world.call_as("AKIA7", &format!("{MINT}&Tags.member.1.Key=team&Tags.member.1.Value=data")).await;
    world.call(&format!("{MINT}&DurationSeconds=1")).await;

    let (_, state) = world.json("GET", "/_emulator", "").await;
    assert_eq!(
        state["counters"]["GetWebIdentityToken"],
        json!({ "received": 2, "ok": 1, "ValidationError": 1 })
    );
    let mut call = state["calls"][1].clone();
    assert!(call["at"].take().is_string());
    assert_eq!(
        call,
        json!({
            "number": 2, "action": "GetWebIdentityToken", "at": null, "access_key_id": "AKIA7",
            "audiences": ["https://api.example.com"], "duration_seconds": 300, "algorithm": "RS256",
            "tags": { "team": "data" }, "outcome": "ok",
        })
    );
    let shown = state.to_string();
    for secret in ["SecretAccessKey", "SessionToken"] {
        assert!(!shown.contains(session.element(secret)));
    }
}

#[tokio::test]
async fn only_the_last_hundred_calls_are_remembered() {
    let world = World::start().await;
    for _ in 0..101 {
        world.call(WHO).await;
    }
    let calls = world.handle.calls();
    assert_eq!((calls.len(), calls[0].number, calls[99].number), (100, 2, 101));
}

#[tokio::test]
async fn a_reset_goes_back_to_the_options() {
    let world = World::start().await;
    let session = world.assume("").await;
    world.handle.set_faults(Faults { hang: true, ..Faults::default() });
    world.handle.set_federation_enabled(false);
    world.handle.set_session(Some(Duration::from_secs(1)));
    let answer = world.send("POST", "/_emulator/reset", &[], "").await.unwrap();
    assert_eq!(answer.status, 204);
    assert_eq!(world.handle.calls(), []);
    assert_eq!(world.handle.received(Operation::AssumeRole), 0);
    let claims = world.minted(session.element("AccessKeyId"), MINT).await.claims;
    assert_eq!(claims["sub"], "arn:aws:iam::123456789012:role/demo/attache");
}

#[tokio::test]
async fn a_web_page_cannot_control_it() {
    let world = World::start().await;
    world.handle.set_faults(Faults { throttle: true, ..Faults::default() });
    for (path, header) in [
        ("/_emulator/reset", ("origin", "https://evil.example")),
        ("/_emulator/reset", ("origin", "null")),
        ("/_emulator/rotate", ("sec-fetch-site", "cross-site")),
        ("/_emulator/rotate", ("sec-fetch-site", "same-site")),
    ] {
        let answer = world.send("POST", path, &[header], "").await.unwrap();
        assert_eq!(answer.status, 403, "{path} {header:?}");
    }
    assert_eq!(world.call(MINT).await.error(), (400, "Throttling"), "nothing was reset");
    for header in [&[][..], &[("sec-fetch-site", "none")]] {
        assert_eq!(world.send("POST", "/_emulator/reset", header, "").await.unwrap().status, 204);
    }
}
