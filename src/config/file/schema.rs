//! The JSON schema of the configuration file (JSON Schema, draft 2020-12), for editors. It says which keys there are and which
//! form each value has; the rules of hosts, paths and tables together are those of `attache config check`.

use crate::config::file_keys::{Form, Key, SECTIONS, Section};
use serde_json::{Map, Value, json};

/// A duration in Go's syntax.
const DURATION: &str = r"^\+?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$";
/// The name of a table.
const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$";

/// The schema as text.
pub fn text() -> String {
    let properties: Map<String, Value> =
        SECTIONS.iter().map(|section| (section.name.to_owned(), property(section))).collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "attache configuration file",
        "type": "object",
        "properties": properties,
        "required": ["listeners", "routes"],
        "additionalProperties": false,
    });
    format!("{schema:#}\n")
}

/// The schema of a section: of its one table, or of its tables by name.
fn property(section: &Section) -> Value {
    let table = table(section);
    if !section.named {
        return table;
    }
    json!({
        "type": "object",
        "patternProperties": { NAME: table },
        "additionalProperties": false,
        "minProperties": i32::from(["listeners", "routes"].contains(&section.name)),
    })
}

fn table(section: &Section) -> Value {
    let properties: Map<String, Value> =
        section.keys().map(|key| (key.name.to_owned(), value(key))).collect();
    let mut schema = json!({
        "type": "object",
        "description": format!("{}.", section.about),
        "properties": properties,
        "additionalProperties": false,
    });
    for (keyword, rule) in together(section) {
        schema[keyword] = rule;
    }
    schema
}

fn value(key: &Key) -> Value {
    let text = || json!({ "type": "string", "minLength": 1 });
    let list = || json!({ "type": "array", "items": text(), "minItems": 1 });
    let mut schema = match key.form {
        Form::Text => text(),
        Form::Duration => json!({ "type": "string", "pattern": DURATION }),
        // Upper and lower case are the same in an algorithm, and an editor offers the usual one.
        Form::Choice(words) => json!({ "enum": words }),
        Form::Boolean => json!({ "type": "boolean" }),
        Form::List => list(),
        Form::TextOrList => json!({ "anyOf": [text(), list()] }),
        Form::Exchange => super::exchange_schema::value(),
    };
    schema["description"] = format!("{}.", key.about).into();
    match (key.form, key.default) {
        (Form::Boolean, Some(default)) => schema["default"] = (default == "true").into(),
        (_, Some(default)) => schema["default"] = default.into(),
        (_, None) => {}
    }
    schema
}

/// Which keys of a section stand together.
fn together(section: &Section) -> Vec<(&'static str, Value)> {
    let client = json!({
        "upstream-client-cert": ["upstream-client-key"],
        "upstream-client-key": ["upstream-client-cert"],
    });
    match section.name {
        "credentials" => {
            vec![("anyOf", json!([{ "required": ["audience"] }, { "required": ["exchange"] }]))]
        }
        "listeners" => vec![
            ("required", json!(["address"])),
            (
                "dependentRequired",
                json!({ "tls-cert": ["tls-key"], "tls-key": ["tls-cert"], "tls-client-ca": ["tls-cert"] }),
            ),
        ],
        "routes" => {
            let mut dependent = client;
            dependent["strip-prefix"] = json!(["path-prefix"]);
            for key in ["allow-hosts", "allow-addresses", "deny-addresses", "upstream-scheme"] {
                dependent[key] = json!(["host-header"]);
            }
            dependent["upstream-connect-to"] = json!(["upstream"]);
            let either = json!([{ "required": ["upstream"] }, { "required": ["host-header"] }]);
            vec![("oneOf", either), ("dependentRequired", dependent)]
        }
        _ => vec![("dependentRequired", client)],
    }
}
