//! The configuration file, and the settings that must not stand beside it because the file has keys for them.

use super::Reader;
use crate::config::file_keys::{SECTIONS, Section};
use crate::config::parse;
use crate::config::problems::{Fault, Origin};
use std::collections::BTreeSet;
use std::path::PathBuf;

impl Reader<'_> {
    /// Reads `--config-file`. From then on, settings that the file has keys for are refused.
    pub(in crate::config) fn config_file(&mut self, typed: Option<&str>) -> Option<PathBuf> {
        let found = self.optional("config-file", typed, parse::file)?;
        self.file = Some((found.origin, BTreeSet::new()));
        Some(found.value)
    }

    /// Records that a setting stands beside a file that has a key for it. Returns whether it does.
    pub(super) fn refuse_beside_file(&mut self, flag: &'static str, origin: &Origin) -> bool {
        let Some((section, key)) = key_of(flag) else { return false };
        let Some((file, refused)) = &mut self.file else { return false };
        if refused.insert(flag) {
            let rule = format!("must not stand beside {}, because the file has a key for it", file.names());
            let table =
                if section.named { format!("{}.NAME", section.name) } else { section.name.to_owned() };
            self.problems.add(origin, Fault::new(rule).hint(format!("write it as {key} in [{table}]")));
        }
        true
    }
}

/// The key of the file that has the meaning of a flag.
fn key_of(flag: &str) -> Option<(&'static Section, &'static str)> {
    let mut keys = SECTIONS.iter().flat_map(|section| section.keys().map(move |key| (section, key)));
    // A table of its own is more than a default of all.
    let mut found: Vec<_> = keys.by_ref().filter(|(_, key)| key.flag == Some(flag)).collect();
    found.sort_by_key(|(section, _)| !section.named);
    found.first().map(|(section, key)| (*section, key.name))
}
