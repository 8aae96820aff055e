//! What relying parties refuse, and with which errors.

use super::{BETAS, ENTRA, FORM, JSON, SCOPE, to_entra};
use crate::emulator::world::World;
use attache::emulator::faults::PartyFaults;
use attache::emulator::faults::{Faults, Outage};
use attache::emulator::party::Party;
use serde_json::{Value, json};

#[tokio::test]
async fn what_is_malformed_is_told_from_what_is_unknown() {
    let world = World::start().await;
    for (field, value, status, outcome) in [
        ("grant_type", json!("client_credentials"), 400, "grant"),
        ("assertion", Value::Null, 400, "missing_field"),
        ("assertion", json!("no JWT"), 401, "jwt"),
        ("assertion", json!("x".repeat(16 * 1024 + 1)), 400, "too_large"),
        ("federation_rule_id", json!("rule"), 400, "malformed"),
        ("federation_rule_id", json!("fdrl_other"), 401, "client"),
        ("organization_id", json!("org"), 400, "malformed"),
        ("organization_id", json!("10000000-0000-4000-8000-000000000001"), 401, "client"),
        ("service_account_id", json!("svac_other"), 401, "account"),
        ("workspace_id", json!("workspace"), 400, "malformed"),
        ("workspace_id", json!(7), 400, "malformed"),
        ("scope", json!("all"), 400, "unknown_field"),
    ] {
        let before = world.handle.parties().exchanged(Party::Anthropic, outcome);
        let answer = world
            .at_anthropic(|fields| {
                if value.is_null() {
                    fields.as_object_mut().unwrap().remove(field);
                } else {
                    fields[field] = value.clone();
                }
            })
            .await;
        assert_eq!(answer.status.as_u16(), status, "{field} {outcome}: {}", answer.body);
        assert_eq!(
            world.handle.parties().exchanged(Party::Anthropic, outcome),
            before + 1,
            "{field} {outcome}"
        );
        if status == 401 {
            assert_eq!(answer.text("/error/message"), "Authentication failed", "a 401 gives no reason");
        }
    }
    let whole = world.at_anthropic(|fields| fields["workspace_id"] = json!("default")).await;
    assert_eq!(whole.status, 200);
}

#[tokio::test]
async fn method_type_headers_and_body_are_the_partys() {
    let world = World::start().await;
    let path = "/parties/anthropic/v1/oauth/token";
    for (method, headers, body, status, outcome) in [
        ("GET", vec![JSON, BETAS], "{}", 400, "method"),
        ("POST", vec![FORM, BETAS], "{}", 400, "media_type"),
        ("POST", vec![BETAS], "{}", 400, "media_type"),
        ("POST", vec![JSON], "{}", 400, "header"),
        ("POST", vec![JSON, ("anthropic-beta", "oauth-2025-04-20")], "{}", 400, "header"),
        ("POST", vec![JSON, BETAS], "[]", 400, "body"),
        ("POST", vec![JSON, BETAS], "{", 400, "body"),
    ] {
        let answer = world.send(method, path, &headers, body).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{outcome}: {}", answer.body);
        assert_eq!(world.handle.parties().exchanges().last().unwrap().outcome, Some(outcome));
    }
    let answer = world.exchange(ENTRA, &[FORM], "client_id=a&client_id=b").await;
    assert_eq!(world.handle.parties().exchanged(Party::Entra, "repeated_field"), 1, "{}", answer.body);
    let lost = world.send("POST", "/parties/nobody/token", &[], "").await.unwrap();
    assert_eq!(lost.status, 404);
    assert!(lost.body.contains("anthropic"), "{}", lost.body);
}

#[tokio::test]
async fn entra_says_what_does_not_match_in_its_numbers() {
    let world = World::start().await;
    let good = "api://AzureADTokenExchange";
    let jwt = world.jwt(good, "RS256", 300).await;
    let signature_at = jwt.rfind('.').unwrap() + 1;
    let spoilt = format!("{}AAAA{}", &jwt[..signature_at], &jwt[signature_at + 4..]);
    let tenant = ENTRA.replace("aa/", "ab/");
    let two = format!("{good}&Audience.member.2=https%3A%2F%2Fother.example.com");
    let stranger = world.assume("").await;
    let stranger = world
        .call_as(
            stranger.element("AccessKeyId"),
            "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=api://AzureADTokenExchange&SigningAlgorithm=RS256",
        )
        .await;
    for (path, body, number) in [
        (ENTRA, to_entra(&world.jwt("api://azureadtokenexchange", "RS256", 300).await, SCOPE), 700_212),
        (ENTRA, to_entra(&world.jwt(&two, "RS256", 300).await, SCOPE), 700_212),
        (ENTRA, to_entra(stranger.element("WebIdentityToken"), SCOPE), 700_213),
        (ENTRA, to_entra(&world.jwt(good, "ES384", 300).await, SCOPE), 700_027),
        (ENTRA, to_entra(&spoilt, SCOPE), 700_027),
        (ENTRA, to_entra("none", SCOPE), 50_027),
        (ENTRA, to_entra(&jwt, "openid"), 70_011),
        (ENTRA, to_entra(&jwt, &format!("{SCOPE}+{SCOPE}")), 70_011),
        (ENTRA, to_entra(&jwt, SCOPE).replace("cc&", "cd&"), 700_016),
        (ENTRA, to_entra(&jwt, SCOPE).replace("client_credentials", "password"), 70_003),
        (ENTRA, "grant_type=client_credentials".to_owned(), 900_144),
        (&tenant, to_entra(&jwt, SCOPE), 90_002),
    ] {
        let answer = world.exchange(path, &[FORM], &body).await;
        assert_eq!(answer.json()["error_codes"], json!([number]), "{}", answer.body);
        assert!(
            answer.text("/error_description").starts_with(&format!("AADSTS{number}: ")),
            "{}",
            answer.body
        );
        assert!(answer.status.is_client_error());
    }
    assert_eq!(world.exchange(ENTRA, &[FORM], &to_entra(&jwt, SCOPE)).await.status, 200);
}

#[tokio::test]
async fn a_jwt_must_be_of_now_and_of_keys_that_can_be_read() {
    let world = World::start().await;
    let jwt = world.jwt("api://AzureADTokenExchange", "RS256", 60).await;
    for (faults, outcome) in [
        (Faults { clock_offset_seconds: 61, ..Faults::default() }, "expired"),
        (Faults { clock_offset_seconds: -90, ..Faults::default() }, "not_yet_valid"),
        (Faults { documents_down: true, ..Faults::default() }, "key"),
    ] {
        world.handle.set_faults(faults);
        world.exchange(ENTRA, &[FORM], &to_entra(&jwt, SCOPE)).await;
        assert_eq!(world.handle.parties().exchanged(Party::Entra, outcome), 1, "{outcome}");
    }
    let other = World::start().await;
    let foreign = other.jwt("api://AzureADTokenExchange", "RS256", 60).await;
    world.handle.set_faults(Faults::default());
    world.exchange(ENTRA, &[FORM], &to_entra(&foreign, SCOPE)).await;
    assert_eq!(world.handle.parties().exchanged(Party::Entra, "signature"), 1);
}

#[tokio::test]
async fn a_jwt_is_taken_once_where_the_party_says_so() {
    let world = World::start().await;
    let jwt = world.jwt("https://api.anthropic.com", "RS256", 300).await;
    let again = async || world.at_anthropic(|fields| fields["assertion"] = json!(jwt)).await.status.as_u16();
    world.fault(Party::Anthropic, PartyFaults { outage: Some(Outage::BadGateway), ..PartyFaults::default() });
    assert_eq!(again().await, 502);
    world.handle.set_faults(Faults::default());
    assert_eq!((again().await, again().await), (200, 401), "a gateway's outage spends no JWT");
    let records = world.handle.parties();
    assert_eq!(
        (records.exchanged(Party::Anthropic, "spent"), records.exchanged(Party::Anthropic, "repeated_jti")),
        (1, 2)
    );
    let fresh: Vec<_> = records.exchanges().iter().map(|it| it.fresh).collect();
    assert_eq!(fresh, [Some(true), Some(false), Some(false)]);

    let jwt = world.jwt("api://AzureADTokenExchange", "RS256", 300).await;
    for _ in 0..2 {
        assert_eq!(world.exchange(ENTRA, &[FORM], &to_entra(&jwt, SCOPE)).await.status, 200);
    }
}
