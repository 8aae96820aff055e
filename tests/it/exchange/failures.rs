//! What a party's failures do: the class that is counted, the attempts that follow, and what callers and logs see.

use super::{Exchanging, Instant, Party, PartyFaults, set_fault};
use attache::emulator::call::Operation;
use attache::emulator::faults::Outage;
use http::StatusCode;

const ANTHROPIC: [(&str, &str); 4] = [
    ("preset", "anthropic"),
    ("token-endpoint", "{party}/v1/oauth/token"),
    ("federation-rule-id", "fdrl_emulator"),
    ("organization-id", "00000000-0000-4000-8000-000000000001"),
];

#[tokio::test]
async fn each_failure_of_a_party_has_its_class() {
    let none = PartyFaults::default;
    for (faults, class) in [
        (PartyFaults { outage: Some(Outage::ServiceUnavailable), ..none() }, "transient"),
        (PartyFaults { retry_after_seconds: Some(60), ..none() }, "transient"),
        (PartyFaults { close: true, ..none() }, "transient"),
        (PartyFaults { opaque_401: true, ..none() }, "opaque"),
        (PartyFaults { redirect: true, ..none() }, "unusable_answer"),
        (PartyFaults { rubbish: true, ..none() }, "unusable_answer"),
        (PartyFaults { no_expiry: true, ..none() }, "unusable_answer"),
        (PartyFaults { huge: true, ..none() }, "unusable_answer"),
    ] {
        let sts = crate::support::Sts::start().await;
        set_fault(&sts, Party::Anthropic, faults.clone());
        let world = Exchanging::with(sts, &ANTHROPIC, None).await;
        let answer = world.get("/parties/anthropic/things", &[]).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{faults:?}");
        assert!(answer.text().starts_with("token unavailable"), "{faults:?}: {}", answer.text());
        let labels = ["credential=\"of-test\"", "result=\"error\"", &format!("error_class=\"{class}\"")];
        assert!(world.counted("credential_exchange_count_total", &labels).await >= 1.0, "{faults:?}");
        let parties = world.sts.handle.parties();
        assert_eq!(
            parties.api_calls(Party::Anthropic, "received"),
            0,
            "{faults:?}: nothing goes on without it"
        );
    }
}

#[tokio::test]
async fn an_opaque_refusal_has_one_more_attempt_at_once_with_a_jwt_of_its_own() {
    let sts = crate::support::Sts::start().await;
    let fault = PartyFaults { opaque_401: true, ..PartyFaults::default() };
    set_fault(&sts, Party::Anthropic, fault);
    let world = Exchanging::with(sts, &ANTHROPIC, None).await;
    let before = Instant::now();
    assert_eq!(world.get("/parties/anthropic/things", &[]).await.status, StatusCode::BAD_GATEWAY);
    let exchanges = world.sts.handle.parties().exchanges();
    assert_eq!(exchanges.len(), 2, "after {:?}", before.elapsed());
    assert!(exchanges.iter().all(|exchange| exchange.fresh == Some(true)), "each has a JWT of its own");
    assert_eq!(world.sts.handle.received(Operation::GetWebIdentityToken), 2);
}

#[tokio::test]
async fn a_party_that_recovers_is_asked_again() {
    let sts = crate::support::Sts::start().await;
    let fault = PartyFaults { not_propagated: 1, ..PartyFaults::default() };
    set_fault(&sts, Party::Entra, fault);
    let entra = [
        ("preset", "entra"),
        ("token-endpoint", "{party}/00000000-0000-4000-8000-0000000000aa/oauth2/v2.0/token"),
        ("tenant", "00000000-0000-4000-8000-0000000000aa"),
        ("client-id", "00000000-0000-4000-8000-0000000000cc"),
        ("scope", "https://cognitiveservices.azure.com/.default"),
    ];
    let world = Exchanging::with(sts, &entra, None).await;
    let refused = ["result=\"error\"", "error_class=\"not_yet_propagated\""];
    assert_eq!(world.counted("credential_exchange_count_total", &refused).await, 1.0);
    world.sts.handle.parties().wait_for_exchanges(Party::Entra, 2).await;
    assert_eq!(world.counted("credential_exchange_count_total", &["result=\"ok\""]).await, 1.0);
    assert_eq!(world.get("/parties/entra/things", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_valid_credential_serves_through_an_outage_of_its_party() {
    let world = Exchanging::start(&ANTHROPIC, None).await;
    assert_eq!(world.get("/parties/anthropic/things", &[]).await.status, StatusCode::OK);
    set_fault(
        &world.sts,
        Party::Anthropic,
        PartyFaults { outage: Some(Outage::ServiceUnavailable), ..PartyFaults::default() },
    );
    world.sts.handle.update_faults(|faults| faults.throttle = true);
    // The party's API is behind the same outage; that the request arrives there with its credential is what counts.
    let calls = world.sts.handle.parties().exchanges().len();
    world.get("/parties/anthropic/others", &[]).await;
    assert_eq!(world.sts.handle.parties().exchanges().len(), calls, "no exchange for a request that has one");
}
