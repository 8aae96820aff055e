//! Holds the fields of a request against the rules of an endpoint.

use super::error::{Kind, PartyError};
use super::incoming::Fields;
use super::rules::{Endpoint, Field, FieldValue, Need};
use serde_json::Value;
use std::collections::BTreeSet;

/// Checks names and values. Fields that are repeated or unknown are found first, then the known ones in the order of the rules.
pub(super) fn check(endpoint: &Endpoint, fields: &Fields) -> Result<(), PartyError> {
    let mut seen = BTreeSet::new();
    for (name, _) in fields {
        let known = endpoint.fields.iter().find(|field| field.name == name.as_str());
        if !seen.insert(name) {
            // Not the name that was sent, which may be anything.
            let shown = known.map_or("a field", |field| field.name);
            return Err(PartyError::new(Kind::RepeatedField, format!("{shown} is there more than once")));
        }
        if known.is_none() && endpoint.only_known_fields {
            return Err(PartyError::new(
                Kind::UnknownField,
                "there is a field that this endpoint does not know",
            ));
        }
    }
    for rule in endpoint.fields {
        let value = fields.iter().find(|(name, _)| name == rule.name).map(|(_, value)| value);
        check_field(rule, value)?;
    }
    Ok(())
}

/// The whole number of seconds before a unit.
pub(super) fn seconds(text: &str, unit: &str) -> Option<i64> {
    text.strip_suffix(unit)?.parse().ok().filter(|seconds| *seconds > 0)
}

/// The text of a field; empty if it is no text or not there.
pub(super) fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.iter().find(|(it, _)| it == name).and_then(|(_, value)| value.as_str()).unwrap_or_default()
}

fn check_field(rule: &Field, value: Option<&Value>) -> Result<(), PartyError> {
    let name = rule.name;
    match (rule.need, value) {
        (Need::Required, None) => Err(PartyError::new(Kind::MissingField, format!("{name} is missing"))),
        (Need::Optional | Need::Forbidden, None) => Ok(()),
        (Need::Forbidden, Some(_)) => {
            Err(PartyError::new(Kind::UnknownField, format!("{name} is not taken here")))
        }
        // Some SDKs send null for what is not set.
        (Need::Optional, Some(Value::Null)) => Ok(()),
        (Need::Required | Need::Optional, Some(value)) => check_value(rule, value),
    }
}

fn check_value(rule: &Field, value: &Value) -> Result<(), PartyError> {
    let name = rule.name;
    let malformed = |what: &str| Err(PartyError::new(Kind::Malformed, format!("{name} must be {what}")));
    if matches!(rule.value, FieldValue::Texts) {
        let is_list = value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
        return if is_list { Ok(()) } else { malformed("a list of texts") };
    }
    let Some(text) = value.as_str().filter(|text| !text.is_empty()) else {
        return malformed("a text that is not empty");
    };
    let holds = match rule.value {
        FieldValue::Text | FieldValue::Texts => true,
        FieldValue::SecondsWith(unit) => seconds(text, unit).is_some(),
        FieldValue::OneOf(values) => values.contains(&text),
        FieldValue::Id { prefix, known } => {
            if !text.starts_with(prefix) && !known.contains(&text) {
                return malformed(&format!("an id that begins with {prefix}"));
            }
            known.contains(&text)
        }
        FieldValue::Uuid(known) => {
            if uuid::Uuid::parse_str(text).is_err() {
                return malformed("a UUID");
            }
            text.eq_ignore_ascii_case(known)
        }
        FieldValue::OneWordEnding(ending) => {
            !text.contains(' ') && text.strip_suffix(ending).is_some_and(|before| !before.is_empty())
        }
    };
    if holds { Ok(()) } else { Err(PartyError::new(rule.otherwise, format!("{name} is not known here"))) }
}
