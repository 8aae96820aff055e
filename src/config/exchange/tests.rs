use super::keys::{KeyValue, Wrong};
use super::*;
use crate::model::exchange::{AssertionPlace, CompanionMode, Encoding, ExpiryForm, FieldValue};
use std::time::Duration;

fn text(value: &str) -> KeyValue {
    KeyValue::Text(value.to_owned())
}

fn keys<const N: usize>(keys: [(&str, KeyValue); N]) -> Keys {
    keys.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The problems, as `key: problem`.
fn problems<const N: usize>(of: [(&str, KeyValue); N]) -> Vec<String> {
    let problems = expand("c", &keys(of)).unwrap_err();
    let shown = |problem: KeyProblem| match problem.problem {
        Wrong::Unknown { known } => format!("{}: unknown among {}", problem.key, known.len()),
        Wrong::Missing => format!("{}: missing", problem.key),
        Wrong::Value(fault) => format!("{}: {}", problem.key, fault.in_one_line()),
    };
    problems.into_iter().map(shown).collect()
}

#[test]
fn a_preset_expands_with_its_keys_and_says_what_the_jwt_is() {
    let of = keys([
        ("preset", text("kernel")),
        ("federation-rule-id", text("wifr_1")),
        ("token-endpoint", text("http://127.0.0.1:1/token")),
    ]);
    let Expanded { exchange, token } = expand("k", &of).unwrap();
    assert_eq!((&*exchange.credential, &*exchange.exchange.party), ("k", "kernel"));
    assert_eq!(exchange.exchange.first.endpoint.to_string(), "http://127.0.0.1:1/token");
    assert_eq!(token.audience.as_deref(), Some("https://auth.onkernel.com"));
    assert_eq!(token.lifetime, Duration::from_secs(600));
}

#[test]
fn every_problem_of_a_preset_is_told_at_once() {
    let told = problems([
        ("preset", text("anthropic")),
        ("federation-rule-id", text("wifr_1")),
        ("organisation-id", text("o")),
        ("workspace-id", KeyValue::Flag(true)),
        ("token-endpoint", text("http://a.example/token")),
    ]);
    assert_eq!(
        told,
        [
            "organisation-id: unknown among 6",
            "token-endpoint: must be https, because the JWT is sent to it; http is for this machine alone",
            "federation-rule-id: must be an id that begins with fdrl_",
            "organization-id: missing",
            "workspace-id: must be a text",
        ]
    );
    let vault = problems([("preset", text("vault")), ("address", text("vault.example.com"))]);
    assert!(vault[0].starts_with("address: must make a token endpoint, which "), "{vault:?}");
    let none = problems([("preset", text("stripe"))]);
    assert!(none[0].starts_with("preset: must be one of anthropic, openai, "), "{none:?}");
    assert_eq!(problems([("preset", KeyValue::Flag(true))]), ["preset: must be a text"]);
}

#[test]
fn an_exchange_is_written_out_with_the_same_words() {
    let of = keys([
        ("grant", text("token-exchange")),
        ("token-endpoint", text("https://idp.example/token")),
        ("encoding", text("json")),
        (
            "parameters",
            KeyValue::Table(keys([("scope", text("read")), ("resource", KeyValue::List(vec!["a".into()]))])),
        ),
        ("headers", KeyValue::Table(keys([("X-Tenant", text("t"))]))),
        ("expiry", KeyValue::List(vec!["rfc3339 /expires_at".into(), "seconds /expires_in".into()])),
        ("default-lifetime", text("10m")),
        ("max-lifetime", text("1h")),
        ("ends-with-assertion", KeyValue::Flag(true)),
        ("header", text("X-Token")),
        ("append-headers", KeyValue::Table(keys([("x-beta", text("on"))]))),
        ("remove-headers", KeyValue::List(vec!["x-api-key".into()])),
    ]);
    let exchange = expand("c", &of).unwrap().exchange.exchange;
    let hop = &exchange.first;
    assert_eq!((hop.encoding, &*exchange.party), (Encoding::Json, "custom"));
    assert_eq!(hop.assertion, AssertionPlace::Field("subject_token".into()));
    let mut names: Vec<_> = hop.fields.iter().map(|field| &*field.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["grant_type", "resource", "scope", "subject_token_type"]);
    assert_eq!(hop.result.expiry[0].form, ExpiryForm::Rfc3339);
    assert_eq!(hop.result.default_lifetime, Some(Duration::from_secs(600)));
    assert!(hop.result.ends_with_assertion);
    assert_eq!((exchange.placement.header.as_str(), &*exchange.placement.prefix), ("x-token", ""));
    assert_eq!(exchange.placement.companions[0].mode, CompanionMode::Append);
    assert_eq!(exchange.placement.removed, ["x-api-key"]);
}

#[test]
fn the_result_of_one_request_can_be_the_assertion_of_another() {
    let of = keys([
        ("grant", text("jwt-bearer")),
        ("token-endpoint", text("https://idp.example/token")),
        (
            "then",
            KeyValue::Table(keys([
                ("token-endpoint", text("https://api.example/session")),
                ("token", text("/t")),
            ])),
        ),
    ]);
    let exchange = expand("c", &of).unwrap().exchange.exchange;
    let second = exchange.then.unwrap();
    assert_eq!((second.assertion, second.fields.len()), (AssertionPlace::Authorization, 0));
    assert_eq!((&*second.result.token, &*exchange.placement.prefix), ("/t", "Bearer "));
}

#[test]
fn what_attache_sets_itself_cannot_be_set_beside_it() {
    let endpoint = || ("token-endpoint", text("https://idp.example/token"));
    let parameters = |name| ("parameters", KeyValue::Table(keys([(name, text("x"))])));
    for name in ["grant_type", "assertion"] {
        let told = problems([("grant", text("jwt-bearer")), endpoint(), parameters(name)]);
        assert_eq!(
            told,
            [format!("parameters.{name}: must be another name: attache sets this field itself")]
        );
    }
    // It may be another one than that of a JWT.
    let typed = keys([("grant", text("token-exchange")), endpoint(), parameters("subject_token_type")]);
    let fields = expand("c", &typed).unwrap().exchange.exchange.first.fields;
    let types: Vec<_> = fields.iter().filter(|field| &*field.name == "subject_token_type").collect();
    assert_eq!(types.len(), 1);
    assert_eq!(types[0].value, FieldValue::Text("x".into()));
    for (header, rule) in [("Authorization", "must hold no key"), ("host", "must be a header that does not")]
    {
        let headers = ("headers", KeyValue::Table(keys([(header, text("x"))])));
        let told = problems([("grant", text("jwt-bearer")), endpoint(), headers]);
        assert!(told.len() == 1 && told[0].contains(rule), "{told:?}");
    }
}

#[test]
fn every_problem_of_an_exchange_that_is_written_out_is_told_at_once() {
    let told = problems([
        ("grant", text("password")),
        ("encoding", text("xml")),
        ("expiry", text("/expires_in")),
        ("token", text("access_token")),
        ("max-lifetime", text("0s")),
        ("prefix", text("a\n")),
        ("then", KeyValue::Table(keys([("preset", text("x"))]))),
        ("audience", text("x")),
    ]);
    for begins in [
        "audience: unknown",
        "grant: must be one of token-exchange, jwt-bearer, client-credentials, none",
        "token-endpoint: missing",
        "encoding: must be one of form, json, query",
        "expiry: must be FORM /POINTER each",
        "token: must be a JSON pointer",
        "max-lifetime: must be at least 1s",
        "prefix: must be visible ASCII",
        "then.preset: unknown",
        "then.token-endpoint: missing",
    ] {
        assert!(told.iter().any(|line| line.starts_with(begins)), "{begins}: {told:#?}");
    }
    let bare = problems([("grant", text("none")), ("token-endpoint", text("https://a.example/login"))]);
    assert!(bare[0].starts_with("grant: must not be none without a place for the JWT"), "{bare:?}");
}

#[test]
fn all_keys_that_are_known_are_read() {
    for preset in preset_names() {
        let known = known_keys(Some(preset));
        assert!(known.contains(&"preset") && known.contains(&"token-endpoint"), "{preset}");
    }
    assert!(known_keys(Some("google")).contains(&"impersonation-endpoint"));
    assert!(known_keys(None).contains(&"grant"));
    assert_eq!(known_keys(Some("stripe")), ["preset"]);
}
