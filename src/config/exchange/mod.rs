//! From the keys of an exchange in the configuration file to what it does: by a preset, or written out.

/// The keys and what can be wrong with them.
pub mod keys;
/// What the keys say.
pub mod expanded;
/// Reads keys of a table, and notes each problem.
mod reader;
/// An exchange by a preset.
mod by_preset;
/// An exchange that is written out.
mod written_out;

use super::presets;
use super::problems::Fault;
use crate::model::credential_spec::NamedExchange;
use expanded::Expanded;
use keys::{KeyProblem, Keys};
use reader::Reader;

/// Expands the keys of the exchange of the credential with this name.
///
/// # Errors
/// With every problem of the keys.
pub fn expand(credential: &str, keys: &Keys) -> Result<Expanded, Vec<KeyProblem>> {
    let mut reader = Reader::new(keys);
    let read = match reader.text("preset") {
        None if keys.contains_key("preset") => None,
        None => written_out::read(&mut reader),
        Some(name) => match presets::find(name) {
            Some(preset) => by_preset::read(preset, &mut reader),
            None => {
                let known = preset_names().collect::<Vec<_>>().join(", ");
                reader.wrong("preset", Fault::new(format!("must be one of {known}")));
                None
            }
        },
    };
    let (exchange, token) = reader.finish(read)?;
    Ok(Expanded { exchange: NamedExchange { credential: credential.into(), exchange }, token })
}

/// The keys that an exchange may have: with this preset, or without one. With a preset that there is not, `preset` alone.
pub fn known_keys(preset: Option<&str>) -> Vec<&'static str> {
    match preset.map(presets::find) {
        None => written_out::known(),
        Some(Some(preset)) => by_preset::known(preset),
        Some(None) => vec!["preset"],
    }
}

/// The names of all presets, in the order of the documents.
pub fn preset_names() -> impl Iterator<Item = &'static str> {
    presets::all().map(|preset| preset.name)
}

#[cfg(test)]
mod tests;
