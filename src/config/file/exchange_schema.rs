//! The JSON schema of an exchange: that of each preset, or of one that is written out.

use crate::config::exchange::{known_keys, preset_names};
use crate::config::presets::{self, Presence};
use serde_json::{Map, Value, json};

/// The schema of `[credentials.NAME.exchange]`.
pub(super) fn value() -> Value {
    let presets = preset_names().map(preset);
    json!({ "anyOf": presets.chain([written_out()]).collect::<Vec<_>>() })
}

fn preset(name: &'static str) -> Value {
    let keys = presets::find(name).map_or(&[][..], |preset| preset.keys);
    let mut properties = Map::new();
    for known in known_keys(Some(name)) {
        let begins = keys.iter().find(|key| key.name == known).and_then(|key| key.begins);
        let schema = match begins {
            Some(begins) => json!({ "type": "string", "pattern": format!("^{begins}") }),
            None => json!({ "type": "string", "minLength": 1 }),
        };
        properties.insert(known.to_owned(), schema);
    }
    properties.insert("preset".to_owned(), json!({ "const": name }));
    let required = keys.iter().filter(|key| key.default == Presence::Required).map(|key| key.name);
    json!({
        "type": "object",
        "properties": properties,
        "required": std::iter::once("preset").chain(required).collect::<Vec<_>>(),
        "additionalProperties": false,
    })
}

fn written_out() -> Value {
    let properties: Map<String, Value> = known_keys(None)
        .into_iter()
        .filter(|key| *key != "preset")
        .map(|key| (key.to_owned(), Value::Bool(true)))
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": ["grant", "token-endpoint"],
        "additionalProperties": false,
    })
}
