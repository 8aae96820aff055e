//! An exchange that is written out: one token request, perhaps a second one with its result, and how the result is sent.

use super::expanded::{Read, TokenDefaults};
use super::keys::KeyValue;
use super::reader::Reader;
use crate::config::presets::{CLIENT_ASSERTION, JWT, JWT_BEARER, TOKEN_EXCHANGE};
use crate::config::problems::Fault;
use crate::model::exchange::{
    AssertionPlace, Companion, CompanionMode, Encoding, ErrorForm, Exchange, ExpiryForm, ExpiryRule, Field,
    FieldValue, Hop, Placement, ResultRule,
};
use crate::model::token_request::SigningAlgorithm;
use http::header::AUTHORIZATION;
use std::time::Duration;

/// The name of such a party in logs and the status.
const PARTY: &str = "custom";
/// The life of a JWT for an exchange.
const LIFETIME: Duration = Duration::from_secs(300);

/// The keys of a token request.
const HOP: [&str; 11] = [
    "token-endpoint",
    "encoding",
    "assertion-field",
    "assertion-in",
    "parameters",
    "headers",
    "token",
    "expiry",
    "default-lifetime",
    "max-lifetime",
    "ends-with-assertion",
];
/// The other keys.
const OTHERS: [&str; 8] =
    ["preset", "grant", "then", "header", "prefix", "set-headers", "append-headers", "remove-headers"];

/// The keys of an exchange without a preset.
pub(super) fn known() -> Vec<&'static str> {
    OTHERS.into_iter().chain(HOP).collect()
}

/// How a grant is asked for.
#[derive(Clone, Copy)]
struct Grant {
    /// The fields that say so.
    fields: &'static [(&'static str, &'static str)],
    /// The field of the assertion.
    assertion: Option<&'static str>,
}

const NO_GRANT: Grant = Grant { fields: &[], assertion: None };

const GRANTS: [(&str, Grant); 4] = [
    (
        "token-exchange",
        Grant {
            fields: &[("grant_type", TOKEN_EXCHANGE), ("subject_token_type", JWT)],
            assertion: Some("subject_token"),
        },
    ),
    ("jwt-bearer", Grant { fields: &[("grant_type", JWT_BEARER)], assertion: Some("assertion") }),
    (
        "client-credentials",
        Grant {
            fields: &[("grant_type", "client_credentials"), ("client_assertion_type", CLIENT_ASSERTION)],
            assertion: Some("client_assertion"),
        },
    ),
    ("none", NO_GRANT),
];

const ENCODINGS: [(&str, Encoding); 3] =
    [("form", Encoding::Form), ("json", Encoding::Json), ("query", Encoding::Query)];

/// How an expiry is written, before its pointer.
const EXPIRY_FORMS: [(&str, ExpiryForm); 4] = [
    ("seconds", ExpiryForm::Seconds),
    ("lease-seconds", ExpiryForm::LeaseSeconds),
    ("rfc3339", ExpiryForm::Rfc3339),
    ("unix", ExpiryForm::UnixSeconds),
];

/// Reads the keys.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Read> {
    reader.know_only(&known());
    let has = |reader: &Reader<'_>, key: &str| reader.names().any(|name| name == key);
    if !has(reader, "grant") {
        reader.missing("grant");
    }
    let grant = reader.choice("grant", &GRANTS).unwrap_or(NO_GRANT);
    let is_placed = ["assertion-field", "assertion-in"].iter().any(|key| has(reader, key));
    if has(reader, "grant") && grant.assertion.is_none() && !is_placed {
        reader.wrong(
            "grant",
            Fault::new("must not be none without a place for the JWT")
                .hint("set assertion-field or assertion-in"),
        );
    }
    let first = hop(reader, &grant);
    let then = reader.within("then", |below| {
        below.know_only(&HOP);
        hop(below, &NO_GRANT)
    });
    let placement = placement(reader);
    let token = TokenDefaults { audience: None, algorithm: SigningAlgorithm::Rs256, lifetime: LIFETIME };
    let then = match then {
        Some(hop) => Some(hop?),
        None => None,
    };
    Some((Exchange { party: PARTY.into(), first: first?, then, placement }, token))
}

fn hop(reader: &mut Reader<'_>, grant: &Grant) -> Option<Hop> {
    if !reader.names().any(|name| name == "token-endpoint") {
        reader.missing("token-endpoint");
    }
    let endpoint = reader.parsed("token-endpoint");
    let assertion = assertion(reader, grant);
    let mut fields = parameters(reader, grant, &assertion);
    for &(name, value) in grant.fields {
        if !fields.iter().any(|field| &*field.name == name) {
            fields.insert(0, Field { name: name.into(), value: FieldValue::Text(value.into()) });
        }
    }
    let headers = reader.headers("headers");
    for (name, _) in headers.iter().filter(|(name, _)| *name == AUTHORIZATION) {
        let rule = Fault::new("must hold no key: a token request carries the JWT and no other secret");
        reader.wrong(&format!("headers.{name}"), rule);
    }
    Some(Hop {
        encoding: reader.choice("encoding", &ENCODINGS).unwrap_or(Encoding::Form),
        assertion,
        fields,
        headers,
        result: result(reader),
        errors: ErrorForm::OAuth,
        endpoint: endpoint?,
    })
}

fn assertion(reader: &mut Reader<'_>, grant: &Grant) -> AssertionPlace {
    let field = reader.text("assertion-field").or(grant.assertion);
    match reader.choice("assertion-in", &[("authorization", ())]) {
        Some(()) if reader.text("assertion-field").is_some() => {
            reader.wrong("assertion-in", Fault::new("must not stand beside assertion-field"));
            AssertionPlace::Authorization
        }
        Some(()) => AssertionPlace::Authorization,
        None => field.map_or(AssertionPlace::Authorization, |name| AssertionPlace::Field(name.into())),
    }
}

/// The parameters of the operator. None takes the place of the assertion or of the grant.
fn parameters(reader: &mut Reader<'_>, grant: &Grant, assertion: &AssertionPlace) -> Vec<Field> {
    let mut fields = Vec::new();
    for (name, value) in reader.table("parameters").into_iter().flatten() {
        let is_assertion = matches!(assertion, AssertionPlace::Field(field) if **field == **name);
        let is_of_grant = grant.fields.iter().any(|(field, _)| field == name) && name != "subject_token_type";
        let value = match value {
            KeyValue::Text(text) => Some(FieldValue::Text(text.as_str().into())),
            KeyValue::List(texts) => {
                Some(FieldValue::List(texts.iter().map(|text| text.as_str().into()).collect()))
            }
            KeyValue::Flag(_) | KeyValue::Table(_) | KeyValue::Other => None,
        };
        let key = format!("parameters.{name}");
        match value {
            _ if is_assertion || is_of_grant => {
                reader.wrong(&key, Fault::new("must be another name: attache sets this field itself"));
            }
            Some(value) => fields.push(Field { name: name.as_str().into(), value }),
            None => reader.wrong(&key, Fault::new("must be a text or a list of texts")),
        }
    }
    fields
}

fn result(reader: &mut Reader<'_>) -> ResultRule {
    let token = reader.text("token").unwrap_or("/access_token");
    if !token.starts_with('/') {
        reader.wrong("token", Fault::new("must be a JSON pointer, which begins with /"));
    }
    let expiry = reader.list("expiry").unwrap_or_else(|| vec!["seconds /expires_in"]);
    let rules = expiry.iter().map(|text| expiry_rule(text)).collect::<Option<Vec<_>>>();
    if rules.is_none() {
        let forms = EXPIRY_FORMS.map(|(word, _)| word).join(", ");
        reader
            .wrong("expiry", Fault::new(format!("must be FORM /POINTER each, where FORM is one of {forms}")));
    }
    ResultRule {
        token: token.into(),
        expiry: rules.unwrap_or_default(),
        default_lifetime: reader.duration("default-lifetime"),
        max_lifetime: reader.duration("max-lifetime"),
        ends_with_assertion: reader.flag("ends-with-assertion").unwrap_or(false),
    }
}

fn expiry_rule(text: &str) -> Option<ExpiryRule> {
    let (word, pointer) = text.split_once(' ')?;
    let (_, form) = EXPIRY_FORMS.iter().find(|(known, _)| *known == word)?;
    pointer.starts_with('/').then(|| ExpiryRule { pointer: pointer.into(), form: *form })
}

fn placement(reader: &mut Reader<'_>) -> Placement {
    let header = reader.text("header").and_then(|name| reader.header_name("header", name));
    let header = header.unwrap_or(AUTHORIZATION);
    let default = if header == AUTHORIZATION { "Bearer " } else { "" };
    let prefix = reader.text("prefix").unwrap_or(default);
    if !prefix.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        reader.wrong("prefix", Fault::new("must be visible ASCII"));
    }
    let mut companions = Vec::new();
    for (key, mode) in [("set-headers", CompanionMode::Set), ("append-headers", CompanionMode::Append)] {
        for (name, value) in reader.headers(key) {
            if name == header {
                let rule = "must be another header than that of the credential";
                reader.wrong(&format!("{key}.{name}"), Fault::new(rule));
            }
            companions.push(Companion { name, value, mode });
        }
    }
    let removed = reader.list("remove-headers").unwrap_or_default();
    let removed = removed.iter().filter_map(|name| reader.header_name("remove-headers", name)).collect();
    Placement { header, prefix: prefix.into(), companions, removed }
}
