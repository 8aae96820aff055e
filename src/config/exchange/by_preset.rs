//! An exchange by a preset: the preset's own keys, and where it goes.

use super::expanded::{Read, TokenDefaults};
use super::reader::Reader;
use crate::config::presets::{Presence, Preset, Values};

/// The keys that this preset takes.
pub(super) fn known(preset: &Preset) -> Vec<&'static str> {
    let endpoints = ["preset", "token-endpoint"].into_iter().chain(preset.second_endpoint_key());
    endpoints.chain(preset.keys.iter().map(|key| key.name)).collect()
}

/// Reads the keys of this preset.
pub(super) fn read(preset: &'static Preset, reader: &mut Reader<'_>) -> Option<Read> {
    reader.know_only(&known(preset));
    let endpoint = reader.parsed("token-endpoint");
    let second = preset.second_endpoint_key().and_then(|key| reader.parsed(key));
    let present: Vec<&str> = reader.names().collect();
    let mut values = Values::new();
    for key in preset.keys {
        match reader.text(key.name) {
            Some(value) => match Preset::check(key, value) {
                Ok(()) => drop(values.insert(key.name, value)),
                Err(fault) => reader.wrong(key.name, fault),
            },
            None if key.default == Presence::Required && !present.contains(&key.name) => {
                reader.missing(key.name);
            }
            None => {}
        }
    }
    let mut required = preset.keys.iter().filter(|key| key.default == Presence::Required);
    if !required.all(|key| values.contains_key(key.name)) {
        return None;
    }
    let token = TokenDefaults {
        audience: preset.audience(&values),
        algorithm: preset.token.algorithm,
        lifetime: preset.lifetime(),
    };
    match preset.exchange(&values, endpoint.as_ref(), second.as_ref()) {
        Ok(exchange) => Some((exchange, token)),
        Err((key, fault)) => {
            reader.wrong(key, fault);
            None
        }
    }
}
