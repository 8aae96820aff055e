//! The relying parties whose requests and answers are unlike those of the others.

use super::{ACCESS_TYPE, EXCHANGE, FORM, JSON, JWT_TYPE, form};
use crate::emulator::world::{Answer, World};
use attache::emulator::faults::Faults;
use attache::emulator::party::Party;
use serde_json::{Value, json};

impl World {
    /// An exchange by the protocol of Chainguard and octo-sts.
    async fn at_sts(&self, party: &str, audience: &str, query: &str) -> Answer {
        let bearer = format!("Bearer {}", self.jwt(audience, "ES384", 300).await);
        let path = format!("/parties/{party}/sts/exchange?{query}");
        self.send("GET", &path, &[("authorization", &bearer)], "").await.unwrap()
    }
}

#[tokio::test]
async fn chainguard_and_octo_sts_take_a_bearer_and_a_query_and_state_no_expiry() {
    let world = World::start().await;
    let github = world.at_sts("octo-sts", "octo-sts.dev", "scope=emulator/attache&identity=attache").await;
    let answer = github.json();
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["token"], "{}", github.body);
    assert_eq!(world.calls("GET", "/parties/octo-sts/repos/a/b", &github.text("/token")).await, 200);

    let issuer = "https://issuer.enforce.dev";
    let query = "aud=https://console-api.enforce.dev&identity=emulator/attache";
    let chainguard = world.at_sts("chainguard", issuer, query).await;
    let token = world.verified_result(&chainguard.text("/token")).await;
    assert_eq!(token["exp"].as_i64().unwrap() - token["iat"].as_i64().unwrap(), 3600);

    for (answer, status, code) in [
        (world.at_sts("chainguard", issuer, "aud=a").await, 400, 3),
        (world.at_sts("chainguard", issuer, "aud=a&identity=other").await, 404, 5),
        (world.at_sts("chainguard", "other", query).await, 403, 7),
        (
            world.send("POST", &format!("/parties/chainguard/sts/exchange?{query}"), &[], "").await.unwrap(),
            401,
            16,
        ),
    ] {
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (status, &json!(code)),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn kernel_refuses_what_it_does_not_know() {
    let world = World::start().await;
    let path = "/parties/kernel/token";
    let fields = async |more: &str| {
        let jwt = world.jwt("https://auth.onkernel.com", "ES384", 300).await;
        let known = form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &jwt),
            ("federation_rule_id", "wifr_emulator"),
        ]);
        format!("{known}{more}")
    };
    let good = world.exchange(path, &[FORM], &fields("").await).await;
    let life = good.json()["expires_in"].as_i64().expect(&good.body);
    assert!((298..=300).contains(&life), "{life}, no more than the JWT has left");
    for (headers, more, status, outcome) in [
        (vec![FORM], "&scope=all", 400, "unknown_field"),
        (vec![FORM], "&federation_rule_id=wifr_emulator", 400, "repeated_field"),
        (vec![FORM, ("authorization", "Basic eDp5")], "", 400, "header"),
        (vec![FORM], "&resource=", 400, "malformed"),
    ] {
        let answer = world.exchange(path, &headers, &fields(more).await).await;
        assert_eq!(answer.status.as_u16(), status, "{outcome}: {}", answer.body);
        assert_eq!(world.handle.parties().exchanged(Party::Kernel, outcome), 1, "{outcome}");
    }
    let rule = fields("").await.replace("wifr_emulator", "wifr_other");
    let opaque = world.exchange(path, &[FORM], &rule).await;
    assert_eq!((opaque.status.as_u16(), opaque.text("/error").as_str()), (401, "invalid_grant"));
    assert_eq!(opaque.text("/error_description"), "the assertion is not accepted");
}

#[tokio::test]
async fn vault_answers_in_auth_and_wants_its_own_header() {
    let world = World::start().await;
    let login = async |mount: &str, role: &str, audience: &str| {
        let body = json!({ "role": role, "jwt": world.jwt(audience, "RS256", 60).await }).to_string();
        world.exchange(&format!("/parties/vault/v1/auth/{mount}/login"), &[], &body).await
    };
    let answer = login("jwt", "attache", "vault").await;
    assert_eq!(answer.json()["auth"]["lease_duration"], 3600, "{}", answer.body);
    let token = answer.text("/auth/client_token");
    let secret = "/parties/vault/v1/secret/data/demo";
    let read = world.send("GET", secret, &[("x-vault-token", &token)], "").await.unwrap();
    assert_eq!((read.status.as_u16(), read.text("/data/data/answer").as_str()), (200, "hello"));
    assert_eq!(world.calls("GET", secret, &token).await, 403);
    for (mount, role, audience, status, text) in [
        ("jwt", "other", "vault", 400, "role could not be found"),
        ("jwt", "attache", "other", 400, "audience claim does not match"),
        ("oidc", "attache", "vault", 403, "permission denied"),
    ] {
        let answer = login(mount, role, audience).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        assert!(answer.text("/errors/0").contains(text), "{}", answer.body);
    }
}

#[tokio::test]
async fn databricks_is_found_by_its_documents() {
    let world = World::start().await;
    let get = async |url: &str| {
        let path = url.strip_prefix("http://emulator").unwrap_or(url).to_owned();
        world.json("GET", &path, "").await.1
    };
    let known = get("/parties/databricks/.well-known/databricks-config").await;
    let root = known["oidc_endpoint"].as_str().unwrap();
    let account = known["account_id"].as_str().unwrap();
    let fields = form(&[
        ("grant_type", EXCHANGE),
        ("subject_token", &world.jwt("databricks", "RS256", 300).await),
        ("subject_token_type", JWT_TYPE),
        ("scope", "all-apis"),
    ]);
    for root in [root.to_owned(), format!("{root}/accounts/{account}")] {
        let server = get(&format!("{root}/.well-known/oauth-authorization-server")).await;
        let endpoint = server["token_endpoint"].as_str().unwrap().strip_prefix("http://emulator").unwrap();
        let answer = world.exchange(endpoint, &[FORM], &fields).await;
        assert_eq!(answer.status, 200, "{endpoint}: {}", answer.body);
        let other = world.exchange(endpoint, &[FORM], &format!("{fields}&client_id=other")).await;
        assert_eq!((other.status.as_u16(), other.text("/error").as_str()), (401, "invalid_client"));
    }
    assert_eq!(
        world
            .send("POST", "/parties/databricks/.well-known/databricks-config", &[], "")
            .await
            .unwrap()
            .status,
        405
    );
}

#[tokio::test]
async fn dodo_takes_a_jwt_once_says_when_and_revokes() {
    let world = World::start().await;
    let mut fields = json!({
        "grant_type": EXCHANGE, "subject_token_type": JWT_TYPE, "identity_provider_id": "wip_emulator",
        "subject_token": world.jwt("https://test.dodopayments.com", "ES384", 3600).await,
    });
    let path = "/parties/dodo/workload-identity/token";
    let answer = world.exchange(path, &[JSON], &fields.to_string()).await;
    assert!(
        answer.text("/expires_at").ends_with('Z') && answer.json()["expires_in"].is_null(),
        "{}",
        answer.body
    );
    let again = world.exchange(path, &[JSON], &fields.to_string()).await;
    assert_eq!((again.status.as_u16(), again.text("/error").as_str()), (400, "invalid_grant"));

    let token = answer.text("/access_token");
    assert_eq!(world.calls("GET", "/parties/dodo/payments", &token).await, 200);
    assert_eq!(world.calls("POST", &format!("{path}/revoke"), &token).await, 200);
    assert_eq!(world.calls("GET", "/parties/dodo/payments", &token).await, 401);

    world.handle.set_faults(Faults { exp_offset_seconds: 1, ..Faults::default() });
    fields["subject_token"] = json!(world.jwt("https://test.dodopayments.com", "ES384", 3600).await);
    world.exchange(path, &[JSON], &fields.to_string()).await;
    assert_eq!(world.handle.parties().exchanged(Party::Dodo, "lives_too_long"), 1);
}

#[tokio::test]
async fn tailscale_confluent_buildkite_and_openrouter_take_forms() {
    let world = World::start().await;
    let assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let jwt = async |audience: &str| world.jwt(audience, "RS256", 3600).await;
    let tailscale =
        [("client_id", "emulator"), ("grant_type", ""), ("jwt", &jwt("api.tailscale.com/emulator").await)];
    let confluent = [
        ("identity_pool_id", "pool-emulator"),
        ("grant_type", EXCHANGE),
        ("subject_token_type", JWT_TYPE),
        ("requested_token_type", ACCESS_TYPE),
        ("expires_in", "300"),
        ("subject_token", &jwt("https://api.confluent.cloud").await),
    ];
    let buildkite = [
        ("client_id", "emulator"),
        ("grant_type", "client_credentials"),
        ("client_assertion_type", assertion_type),
        ("client_assertion", &jwt("https://buildkite.com").await),
    ];
    let openrouter = [
        ("federation_policy_id", "policy-emulator"),
        ("grant_type", EXCHANGE),
        ("subject_token_type", JWT_TYPE),
        ("subject_token", &jwt("https://openrouter.ai").await),
    ];
    for (party, path, fields, life, refusal) in [
        ("tailscale", "/api/v2/oauth/token-exchange", &tailscale[..], 3600, (401, json!(null))),
        ("confluent", "/sts/v1/oauth2/token", &confluent[..], 300, (401, json!(null))),
        ("buildkite", "/oauth/token", &buildkite[..], 3600, (401, json!("invalid_client"))),
        ("openrouter", "/api/v1/oauth/token", &openrouter[..], 900, (401, json!("invalid_client"))),
    ] {
        let path = format!("/parties/{party}{path}");
        let answer = world.exchange(&path, &[FORM], &form(fields)).await;
        assert_eq!(answer.json()["expires_in"], life, "{party}: {}", answer.body);
        let token = answer.text("/access_token");
        assert_eq!(world.calls("GET", &format!("/parties/{party}/things"), &token).await, 200, "{party}");
        assert_eq!(world.calls("GET", &format!("/parties/{party}/things"), "other").await, 401, "{party}");
        let other = form(fields).replacen("emulator", "other", 1);
        let answer = world.exchange(&path, &[FORM], &other).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (refusal.0, &refusal.1),
            "{party}: {}",
            answer.body
        );
        let answer = world.exchange(&path, &[JSON], "{}").await;
        assert!(answer.status.is_client_error(), "{party} takes no JSON");
    }
    let short = form(&confluent[1..]);
    assert_eq!(world.exchange("/parties/confluent/sts/v1/oauth2/token", &[FORM], &short).await.status, 400);
}

impl World {
    /// The claims of a result that is a JWT.
    async fn verified_result(&self, token: &str) -> Value {
        let payload = token.split('.').nth(1).unwrap();
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        serde_json::from_slice(&base64::Engine::decode(&engine, payload).unwrap()).unwrap()
    }
}
