//! What a relying party gives for a JWT: a token, remembered for its API, and the answer that carries it.

use super::assertion::Verified;
use super::check;
use super::error::{Kind, PartyError};
use super::error_body::json_answer;
use super::incoming::Fields;
use super::rules::{AnswerPart, Endpoint, Lifetime, Proof, TokenForm};
use crate::emulator::call::Algorithm;
use crate::emulator::faults::PartyFaults;
use crate::emulator::handle::EmulatorHandle;
use crate::emulator::party::Party;
use crate::emulator::party_results::Issued;
use crate::emulator::unix_seconds::UnixSeconds;
use axum::body::Body;
use axum::http::Response;
use serde_json::{Map, Value, json};

/// The size of the filling of a huge answer, in bytes.
const FILLING: usize = 2 * 1024 * 1024;
/// The number of random characters of an opaque token.
const TOKEN_LENGTH: usize = 48;

/// Issues a token for what was shown.
pub(super) async fn issue(
    handle: &EmulatorHandle,
    party: Party,
    endpoint: &Endpoint,
    fields: &Fields,
    shown: Verified,
) -> Result<Response<Body>, PartyError> {
    let faults = handle.faults().of(party);
    let life = match faults.result_life_seconds {
        Some(seconds) => i64::from(seconds),
        None => lifetime(&endpoint.life, asked(&endpoint.life, fields), shown.remaining),
    };
    let now = handle.now();
    let expiry = now.plus(life);
    let token = match endpoint.token {
        TokenForm::Opaque(prefix) => format!("{prefix}{}", random()),
        TokenForm::Jwt => {
            let claims = json!({
                "iss": party.name(), "sub": shown.subject, "iat": now.unix(), "exp": expiry.unix(),
                "jti": uuid::Uuid::new_v4().to_string(),
            });
            let signed = handle.signer().sign(Algorithm::Rs256, &claims).await;
            signed.map_err(|_| PartyError::new(Kind::Key, "the party cannot sign"))?
        }
    };
    let scope = check::text(fields, "scope").to_owned();
    let hop = if matches!(endpoint.proof, Proof::FirstHop { .. }) { 2 } else { 1 };
    let answer = answer(endpoint, &faults, &token, (life, expiry));
    handle.parties().issue(token, Issued { party, hop, expiry, scope, subject: shown.subject });
    Ok(json_answer(&answer))
}

/// The seconds that a request asks for, with or without a unit.
fn asked(rule: &Lifetime, fields: &Fields) -> Option<i64> {
    let text = check::text(fields, rule.asked?);
    check::seconds(text.trim_end_matches('s'), "")
}

fn lifetime(rule: &Lifetime, asked: Option<i64>, remaining: i64) -> i64 {
    let bound = rule.of_remaining.map_or(i64::MAX, |times| remaining.saturating_mul(times));
    rule.own.min(asked.unwrap_or(i64::MAX)).min(bound).max(rule.floor)
}

fn answer(
    endpoint: &Endpoint,
    faults: &PartyFaults,
    token: &str,
    (life, expiry): (i64, UnixSeconds),
) -> Value {
    let mut answer = Value::Object(Map::new());
    for (path, part) in endpoint.answer {
        let value = match part {
            AnswerPart::Token => json!(token),
            AnswerPart::Text(text) => json!(text),
            AnswerPart::Json(text) => serde_json::from_str(text).unwrap_or_default(),
            AnswerPart::Seconds | AnswerPart::TextSeconds | AnswerPart::Rfc3339 if faults.no_expiry => {
                continue;
            }
            AnswerPart::Seconds if faults.text_seconds => json!(life.to_string()),
            AnswerPart::TextSeconds => json!(life.to_string()),
            AnswerPart::Rfc3339 => json!(expiry.rfc3339()),
            AnswerPart::Seconds => json!(life),
        };
        put(&mut answer, path, value);
    }
    if faults.huge {
        put(&mut answer, "filling", json!("x".repeat(FILLING)));
    }
    answer
}

/// Sets what is at a path of names separated by dots.
fn put(root: &mut Value, path: &str, value: Value) {
    let place = path.split('.').fold(root, |place, name| &mut place[name]);
    *place = value;
}

fn random() -> String {
    (0..TOKEN_LENGTH).map(|_| fastrand::alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_bounded_by_the_party_and_by_the_jwt() {
        let rule = Lifetime { own: 3600, of_remaining: Some(2), floor: 60, asked: None };
        for (remaining, life) in [(3000, 3600), (300, 600), (20, 60)] {
            assert_eq!(lifetime(&rule, None, remaining), life, "{remaining}");
        }
        let independent = Lifetime { of_remaining: None, ..rule };
        assert_eq!(lifetime(&independent, None, 20), 3600);
        assert_eq!(lifetime(&independent, Some(900), 20), 900);
        assert_eq!(lifetime(&independent, Some(7200), 20), 3600);
    }

    #[test]
    fn a_lifetime_is_asked_for_with_and_without_a_unit() {
        let rule = Lifetime { own: 3600, of_remaining: None, floor: 1, asked: Some("lifetime") };
        for (text, seconds) in [("900s", Some(900)), ("900", Some(900)), ("soon", None), ("-1s", None)] {
            assert_eq!(asked(&rule, &vec![("lifetime".to_owned(), json!(text))]), seconds, "{text}");
        }
        assert_eq!(asked(&rule, &Vec::new()), None);
    }

    #[test]
    fn a_path_leads_into_objects() {
        let mut answer = json!({});
        put(&mut answer, "auth.client_token", json!("t"));
        put(&mut answer, "auth.lease_duration", json!(1));
        assert_eq!(answer, json!({ "auth": { "client_token": "t", "lease_duration": 1 } }));
    }
}
