//! What relying parties give out, and what their APIs make of it.

use super::{API_BETA, ENTRA, FORM, JSON, SCOPE, to_entra};
use crate::emulator::world::{Answer, World};
use attache::emulator::faults::Faults;
use attache::emulator::faults::PartyFaults;
use attache::emulator::party::Party;
use serde_json::{Value, json};

#[tokio::test]
async fn a_jwt_is_exchanged_for_a_token_that_the_api_takes() {
    let world = World::start().await;
    let answer = world.at_anthropic(|_| {}).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["token_type"]),
        (200, &json!("Bearer")),
        "{}",
        answer.body
    );
    assert_eq!(answer.headers["cache-control"], "no-store");
    let bearer = format!("Bearer {}", answer.text("/access_token"));
    let bearer = ("authorization", bearer.as_str());

    let message = world.api("/parties/anthropic/v1/messages", &[bearer, API_BETA]).await;
    assert_eq!(message.json()["content"][0]["text"], "The emulator says hello.");
    let other = world
        .api("/parties/anthropic/v1/models?limit=1", &[bearer, API_BETA, ("x-seen", "yes")])
        .await
        .json();
    assert_eq!((&other["path"], &other["query"]), (&json!("/v1/models"), &json!("limit=1")));
    assert_eq!(
        (&other["headers"]["x-seen"], &other["headers"]["authorization"]),
        (&json!("yes"), &Value::Null)
    );

    for (headers, why) in [
        (vec![API_BETA], "no token"),
        (vec![bearer], "no beta"),
        (vec![bearer, API_BETA, ("x-api-key", "k")], "another credential"),
        (vec![bearer, bearer, API_BETA], "two tokens"),
        (vec![("authorization", "Bearer other"), API_BETA], "another token"),
    ] {
        let answer = world.api("/parties/anthropic/v1/messages", &headers).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text("/error/type").as_str()),
            (401, "authentication_error"),
            "{why}"
        );
    }
    let answer = world.api("/parties/openai/v1/responses", &[bearer]).await;
    assert_eq!((answer.status.as_u16(), answer.text("/error/code").as_str()), (401, "invalid_api_key"));
    let records = world.handle.parties();
    assert_eq!(
        (records.api_calls(Party::Anthropic, "ok"), records.api_calls(Party::Anthropic, "unauthorized")),
        (2, 5)
    );
}

#[tokio::test]
async fn a_token_ends_when_it_expires_or_is_revoked() {
    let world = World::start().await;
    world.fault(Party::Anthropic, PartyFaults { result_life_seconds: Some(0), ..PartyFaults::default() });
    let expired = world.at_anthropic(|_| {}).await;
    world.handle.set_faults(Faults::default());
    let revoked = world.at_anthropic(|_| {}).await;
    let call = async |token: &Answer| {
        let bearer = format!("Bearer {}", token.text("/access_token"));
        world
            .api("/parties/anthropic/v1/messages", &[("authorization", &bearer), API_BETA])
            .await
            .status
            .as_u16()
    };
    assert_eq!((call(&expired).await, call(&revoked).await), (401, 200));
    let (status, _) = world.json("POST", "/_emulator/revoke", r#"{"party": "anthropic"}"#).await;
    assert_eq!((status.as_u16(), call(&revoked).await), (204, 401));
    assert_eq!(world.json("POST", "/_emulator/revoke", r#"{"party": "other"}"#).await.0, 400);
}

#[tokio::test]
async fn a_result_lives_as_the_party_rules() {
    let world = World::start().await;
    let life = |answer: &Answer| answer.json()["expires_in"].as_i64().expect(&answer.body);
    let anthropic = life(&world.at_anthropic(|_| {}).await);
    assert!((596..=600).contains(&anthropic), "{anthropic}, twice what a JWT of 300 s has left");

    let jwt = world.jwt("https://api.openai.com/v1", "ES384", 300).await;
    let fields = json!({
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": jwt, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "identity_provider_id": "idp_emulator", "service_account_id": "svcacct-emulator",
    });
    let openai = life(&world.exchange("/parties/openai/oauth/token", &[JSON], &fields.to_string()).await);
    assert!((298..=300).contains(&openai), "{openai}, no more than the JWT has left");

    let jwt = world.jwt("api://AzureADTokenExchange", "RS256", 300).await;
    assert_eq!(life(&world.exchange(ENTRA, &[FORM], &to_entra(&jwt, SCOPE)).await), 3599);
}

#[tokio::test]
async fn exchanges_are_counted_and_remembered_without_their_secrets() {
    let world = World::start().await;
    let answer = world.at_anthropic(|_| {}).await;
    let (_, state) = world.json("GET", "/_emulator", "").await;
    assert_eq!(state["exchange_counters"], json!({ "anthropic": { "received": 1, "ok": 1 } }));
    let mut exchange = state["exchanges"][0].clone();
    assert!(exchange["at"].take().is_string() && exchange["jti"].take().is_string());
    let wanted = json!({
        "number": 1, "party": "anthropic", "path": "/v1/oauth/token", "at": null, "jti": null, "fresh": true,
        "outcome": "ok",
    });
    assert_eq!(exchange, wanted);
    assert!(!state.to_string().contains(&answer.text("/access_token")));
    world.handle.reset();
    assert_eq!(
        (world.handle.parties().received(Party::Anthropic), world.handle.parties().exchanges()),
        (0, vec![])
    );
}

#[tokio::test]
async fn answers_of_models_are_streamed_where_that_is_asked() {
    let world = World::start().await;
    let token = world.at_anthropic(|_| {}).await.text("/access_token");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), API_BETA];
    let path = "/parties/anthropic/v1/messages";
    let answer = world.send("POST", path, &headers, r#"{"stream": true}"#).await.unwrap();
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    let events: Vec<&str> = answer.body.split("\n\n").filter_map(|event| event.lines().next()).collect();
    assert_eq!((events.len(), events[0], events[8]), (9, "event: message_start", "event: message_stop"));
}
