//! The token endpoints of relying parties, and the APIs behind them, over real sockets.

use super::world::{Answer, World};
use attache::emulator::faults::Faults;
use attache::emulator::faults::PartyFaults;
use attache::emulator::party::Party;
use serde_json::{Value, json};

mod documented;
mod faults;
mod google;
mod others;
mod results;
mod strictness;

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const BETAS: (&str, &str) = ("anthropic-beta", "oauth-2025-04-20,oidc-federation-2026-04-01");
const API_BETA: (&str, &str) = ("anthropic-beta", "some-beta, oauth-2025-04-20");

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Fields as a form or a query; their values need no escapes.
fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

impl World {
    /// A JWT for this audience.
    pub(super) async fn jwt(&self, audience: &str, algorithm: &str, seconds: u32) -> String {
        let body = format!(
            "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1={audience}&SigningAlgorithm={algorithm}&DurationSeconds={seconds}"
        );
        self.call(&body).await.element("WebIdentityToken").to_owned()
    }

    /// An exchange at Anthropic with a JWT of its own, after a change to its fields.
    async fn at_anthropic(&self, change: impl FnOnce(&mut Value)) -> Answer {
        let jwt = self.jwt("https://api.anthropic.com", "RS256", 300).await;
        let mut fields = json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": jwt,
            "federation_rule_id": "fdrl_emulator",
            "organization_id": "00000000-0000-4000-8000-000000000001",
        });
        change(&mut fields);
        self.exchange("/parties/anthropic/v1/oauth/token", &[JSON, BETAS], &fields.to_string()).await
    }

    /// A call to an API with a bearer.
    async fn calls(&self, method: &str, path: &str, token: &str) -> u16 {
        let bearer = format!("Bearer {token}");
        self.send(method, path, &[("authorization", &bearer)], "").await.unwrap().status.as_u16()
    }

    pub(super) async fn exchange(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send("POST", path, headers, body).await.unwrap()
    }

    fn fault(&self, party: Party, faults: PartyFaults) {
        self.handle.set_faults(Faults { parties: [(party, faults)].into(), ..Faults::default() });
    }

    async fn api(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("POST", path, headers, r#"{"model": "m-1"}"#).await.unwrap()
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }

    pub(super) fn text(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Value::as_str).expect(&self.body).to_owned()
    }
}

/// The form of an exchange at Entra with this JWT and scope.
fn to_entra(jwt: &str, scope: &str) -> String {
    format!(
        "grant_type=client_credentials&client_id=00000000-0000-4000-8000-0000000000cc&scope={scope}&client_assertion={jwt}&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    )
}

const ENTRA: &str = "/parties/entra/00000000-0000-4000-8000-0000000000aa/oauth2/v2.0/token";
const SCOPE: &str = "https%3A%2F%2Fgraph.microsoft.com%2F.default";
