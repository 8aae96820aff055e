//! Faults of relying parties.

use super::{API_BETA, JSON};
use crate::emulator::world::World;
use attache::emulator::faults::PartyFaults;
use attache::emulator::faults::{Faults, Outage};
use attache::emulator::party::Party;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn each_fault_answers_in_its_way() {
    let world = World::start().await;
    let none = PartyFaults::default;
    for (faults, status, outcome) in [
        (PartyFaults { outage: Some(Outage::ServiceUnavailable), ..none() }, 503, "outage"),
        (PartyFaults { retry_after_seconds: Some(7), ..none() }, 429, "rate_limited"),
        (PartyFaults { redirect: true, ..none() }, 307, "redirect"),
        (PartyFaults { rubbish: true, ..none() }, 200, "rubbish"),
        (PartyFaults { opaque_401: true, ..none() }, 401, "opaque_401"),
        (PartyFaults { not_propagated: 1, ..none() }, 401, "not_propagated"),
        (PartyFaults { text_seconds: true, ..none() }, 200, "ok"),
        (PartyFaults { no_expiry: true, ..none() }, 200, "ok"),
        (PartyFaults { huge: true, ..none() }, 200, "ok"),
    ] {
        world.fault(Party::Anthropic, faults.clone());
        let answer = world.at_anthropic(|_| {}).await;
        assert_eq!(answer.status.as_u16(), status, "{faults:?}");
        let last = world.handle.parties().exchanges().pop().unwrap();
        assert_eq!(last.outcome, Some(outcome));
        match outcome {
            "rate_limited" => assert_eq!(answer.headers["retry-after"], "7"),
            "redirect" => {
                let location = answer.headers["location"].to_str().unwrap();
                assert_eq!(location, "http://emulator/parties/anthropic/redirected");
            }
            "not_propagated" => {
                assert_eq!(world.at_anthropic(|_| {}).await.status, 200, "one try was to be refused");
            }
            "rubbish" => assert!(answer.body.starts_with("<html>")),
            "ok" => {
                let expiry = answer.json()["expires_in"].clone();
                assert_eq!(expiry.is_string(), faults.text_seconds);
                assert_eq!(expiry.is_null(), faults.no_expiry);
                assert_eq!(answer.body.len() > 2 * 1024 * 1024, faults.huge);
            }
            _ => {}
        }
    }
    assert_eq!(world.handle.parties().api_calls(Party::Anthropic, "received"), 0, "no redirect was followed");
}

#[tokio::test]
async fn a_party_is_slow_hangs_or_hangs_up() {
    let world = World::start().await;
    world.fault(Party::Anthropic, PartyFaults { latency_ms: 80, hang: true, ..PartyFaults::default() });
    let before = Instant::now();
    let release = async {
        world.handle.parties().wait_for_exchanges(Party::Anthropic, 1).await;
        assert_eq!(world.handle.parties().exchanges()[0].outcome, None);
        world.handle.update_faults(|faults| faults.parties.get_mut(&Party::Anthropic).unwrap().hang = false);
    };
    let (answer, ()) = tokio::join!(world.at_anthropic(|_| {}), release);
    assert_eq!(answer.status, 200);
    assert!(before.elapsed() >= Duration::from_millis(80));

    world.fault(Party::Anthropic, PartyFaults { close: true, ..PartyFaults::default() });
    let answer = world.send("POST", "/parties/anthropic/v1/oauth/token", &[JSON], "{}").await;
    assert!(answer.err().unwrap().is_incomplete_message());
}

#[tokio::test]
async fn an_api_can_refuse_the_tokens_of_its_own_party() {
    let world = World::start().await;
    let token = world.at_anthropic(|_| {}).await.text("/access_token");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), API_BETA];
    world.fault(Party::Anthropic, PartyFaults { api_unauthorized: true, ..PartyFaults::default() });
    assert_eq!(world.api("/parties/anthropic/v1/messages", &headers).await.status, 401);
    world.handle.set_faults(Faults::default());
    assert_eq!(world.api("/parties/anthropic/v1/messages", &headers).await.status, 200);
}

#[tokio::test]
async fn faults_of_a_party_are_merged_field_by_field() {
    let world = World::start().await;
    let patch = async |body: &str| world.json("PATCH", "/_emulator/faults", body).await;
    patch(r#"{"parties": {"entra": {"huge": true, "not_propagated": 3}, "openai": {"rubbish": true}}}"#)
        .await;
    let (_, faults) =
        patch(r#"{"parties": {"entra": {"huge": null, "latency_ms": 5}, "openai": null}}"#).await;
    assert_eq!(faults["parties"].as_object().unwrap().len(), 1);
    let wanted = PartyFaults { not_propagated: 3, latency_ms: 5, ..PartyFaults::default() };
    assert_eq!(world.handle.faults().of(Party::Entra), wanted);
    for wrong in [
        r#"{"parties": {"other": {}}}"#,
        r#"{"parties": {"entra": {"sing": true}}}"#,
        r#"{"parties": {"entra": 1}}"#,
    ] {
        assert_eq!(patch(wrong).await.0, 400, "{wrong}");
    }
    assert_eq!(world.handle.faults().of(Party::Entra), wanted);
}
