//! What the answer of a token request holds.

use crate::credential::exchange_error::UnusableAnswer;
use crate::model::exchange::{ExpiryForm, ExpiryRule, ResultRule};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The longest life that an answer is believed to state.
const MAX_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);

/// What a party gave for an assertion. Nothing prints the token.
pub(super) struct Exchanged {
    pub(super) token: String,
    pub(super) expires: SystemTime,
}

impl Exchanged {
    /// Reads an answer that came at this moment, to an assertion that ends then.
    pub(super) fn read(
        rule: &ResultRule,
        body: &[u8],
        now: SystemTime,
        assertion_expires: SystemTime,
    ) -> Result<Self, UnusableAnswer> {
        let answer: Value = serde_json::from_slice(body).map_err(|_| UnusableAnswer::NotJson)?;
        let token = answer.pointer(&rule.token).and_then(Value::as_str).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| UnusableAnswer::NoToken(rule.token.clone()))?;
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UnusableAnswer::Characters);
        }
        check_type(&answer)?;
        let stated = stated_expiry(&rule.expiry, &answer, now)?
            .or_else(|| expiry_of_jwt(token))
            .or_else(|| Some(now + rule.default_lifetime?))
            .ok_or(UnusableAnswer::NoExpiry)?;
        let longest = now + rule.max_lifetime.unwrap_or(MAX_LIFETIME);
        let bound = if rule.ends_with_assertion { longest.min(assertion_expires) } else { longest };
        let expires = stated.min(bound);
        if expires <= now {
            return Err(UnusableAnswer::Expired);
        }
        Ok(Self { token: token.to_owned(), expires })
    }
}

/// A token that is no bearer token would be refused by the API (RFC 6749, section 7.1; `N_A`: RFC 8693, section 2.2.1).
fn check_type(answer: &Value) -> Result<(), UnusableAnswer> {
    match answer.get("token_type").and_then(Value::as_str) {
        Some(kind) if !["bearer", "n_a"].iter().any(|known| kind.eq_ignore_ascii_case(known)) => {
            Err(UnusableAnswer::TokenType(crate::legible::line(kind, 64)))
        }
        Some(_) | None => Ok(()),
    }
}

fn stated_expiry(
    rules: &[ExpiryRule],
    answer: &Value,
    now: SystemTime,
) -> Result<Option<SystemTime>, UnusableAnswer> {
    for ExpiryRule { pointer, form } in rules {
        let Some(value) = answer.pointer(pointer).filter(|value| !value.is_null()) else { continue };
        let unreadable = || UnusableAnswer::Expiry(pointer.clone());
        let moment = match form {
            ExpiryForm::Seconds => now + seconds(value).ok_or_else(unreadable)?,
            ExpiryForm::LeaseSeconds => match seconds(value).ok_or_else(unreadable)? {
                Duration::ZERO => continue,
                lease => now + lease,
            },
            ExpiryForm::UnixSeconds => UNIX_EPOCH + seconds(value).ok_or_else(unreadable)?,
            ExpiryForm::Rfc3339 => {
                let text = value.as_str().ok_or_else(unreadable)?;
                OffsetDateTime::parse(text, &Rfc3339).map_err(|_| unreadable())?.into()
            }
        };
        return Ok(Some(moment));
    }
    Ok(None)
}

/// A number, or a number in a text. A negative one is a time that is over.
fn seconds(value: &Value) -> Option<Duration> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    // Later times would overflow a calendar.
    number.is_finite().then(|| Duration::from_secs_f64(number.clamp(0.0, 1e11)))
}

/// `exp` of a token that is a JWT (RFC 7519, section 4.1.4).
fn expiry_of_jwt(token: &str) -> Option<SystemTime> {
    let mut parts = token.split('.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    Some(UNIX_EPOCH + seconds(claims.get("exp")?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn rule(expiry: &[(&str, ExpiryForm)]) -> ResultRule {
        let expiry = expiry.iter().map(|&(pointer, form)| ExpiryRule { pointer: pointer.into(), form });
        ResultRule {
            token: "/access_token".into(),
            expiry: expiry.collect(),
            default_lifetime: None,
            max_lifetime: None,
            ends_with_assertion: false,
        }
    }

    fn oauth() -> ResultRule {
        rule(&[("/expires_in", ExpiryForm::Seconds)])
    }

    fn read(rule: &ResultRule, answer: &Value) -> Result<u64, UnusableAnswer> {
        let read = Exchanged::read(rule, answer.to_string().as_bytes(), now(), now() + HOUR / 2)?;
        Ok(read.expires.duration_since(now()).unwrap().as_secs())
    }

    #[test]
    fn an_expiry_is_read_in_each_of_its_forms() {
        let dodo = rule(&[("/expires_at", ExpiryForm::Rfc3339), ("/expires_in", ExpiryForm::Seconds)]);
        for (rule, answer, life) in [
            (oauth(), json!({"access_token": "t", "expires_in": 3600}), 3600),
            (oauth(), json!({"access_token": "t", "expires_in": "3599", "token_type": "bearer"}), 3599),
            (oauth(), json!({"access_token": "t", "expires_in": 900.5, "token_type": "N_A"}), 900),
            (
                dodo.clone(),
                json!({"access_token": "t", "expires_at": "2027-01-15T09:00:00Z", "expires_in": 1}),
                3600,
            ),
            (dodo.clone(), json!({"access_token": "t", "expires_at": "2027-01-15T10:00:00.25+01:00"}), 3600),
            (dodo, json!({"access_token": "t", "expires_at": null, "expires_in": 60}), 60),
            (
                rule(&[("/exp", ExpiryForm::UnixSeconds)]),
                json!({"access_token": "t", "exp": 1_800_000_060}),
                60,
            ),
        ] {
            assert_eq!(read(&rule, &answer), Ok(life), "{answer}");
        }
    }

    #[test]
    fn a_missing_expiry_is_neither_zero_nor_endless() {
        let none = json!({"access_token": "t"});
        assert_eq!(read(&oauth(), &none), Err(UnusableAnswer::NoExpiry));
        let with_default = ResultRule { default_lifetime: Some(HOUR), ..oauth() };
        assert_eq!(read(&with_default, &none), Ok(3600));
        let claims = URL_SAFE_NO_PAD.encode(r#"{"exp":1800000120}"#);
        let jwt = json!({"access_token": format!("e30.{claims}.c2ln")});
        assert_eq!(read(&with_default, &jwt), Ok(120));
        let vault =
            ResultRule { default_lifetime: Some(HOUR), ..rule(&[("/lease", ExpiryForm::LeaseSeconds)]) };
        assert_eq!(read(&vault, &json!({"access_token": "t", "lease": 0})), Ok(3600));
        assert_eq!(read(&vault, &json!({"access_token": "t", "lease": 60})), Ok(60));
    }

    #[test]
    fn a_life_is_bounded_by_the_description_and_the_assertion() {
        let day = json!({"access_token": "t", "expires_in": 86_400});
        assert_eq!(read(&ResultRule { max_lifetime: Some(HOUR), ..oauth() }, &day), Ok(3600));
        assert_eq!(read(&ResultRule { ends_with_assertion: true, ..oauth() }, &day), Ok(1800));
        let eternal = json!({"access_token": "t", "expires_in": 1e300});
        assert_eq!(read(&oauth(), &eternal), Ok(MAX_LIFETIME.as_secs()));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (answer, error) in [
            (json!("text"), UnusableAnswer::NoToken("/access_token".into())),
            (json!({"access_token": 1}), UnusableAnswer::NoToken("/access_token".into())),
            (json!({"access_token": ""}), UnusableAnswer::NoToken("/access_token".into())),
            (json!({"access_token": "a b", "expires_in": 1}), UnusableAnswer::Characters),
            (json!({"access_token": "a\nb", "expires_in": 1}), UnusableAnswer::Characters),
            (json!({"access_token": "t", "token_type": "mac"}), UnusableAnswer::TokenType("mac".to_owned())),
            (
                json!({"access_token": "t", "expires_in": "soon"}),
                UnusableAnswer::Expiry("/expires_in".into()),
            ),
            (json!({"access_token": "t", "expires_in": [1]}), UnusableAnswer::Expiry("/expires_in".into())),
            (json!({"access_token": "t", "expires_in": 0}), UnusableAnswer::Expired),
            (json!({"access_token": "t", "expires_in": -5}), UnusableAnswer::Expired),
        ] {
            assert_eq!(read(&oauth(), &answer), Err(error), "{answer}");
        }
        let no_json = Exchanged::read(&oauth(), b"<html>", now(), now());
        assert_eq!(no_json.err(), Some(UnusableAnswer::NotJson));
    }

    proptest! {
        #[test]
        fn no_answer_panics_or_yields_what_is_over(body in ".{0,200}", seconds in any::<f64>()) {
            let rules = oauth();
            for body in [body, json!({"access_token": "t", "expires_in": seconds}).to_string()] {
                if let Ok(read) = Exchanged::read(&rules, body.as_bytes(), now(), now()) {
                    prop_assert!(read.expires > now() && read.expires <= now() + MAX_LIFETIME);
                }
            }
        }
    }
}
