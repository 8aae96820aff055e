//! Generates scripts with which a shell completes commands and flags.

use clap_complete::{Shell, generate};

/// The completion script for `shell`, which the shell sources.
pub(super) fn script(mut command: clap::Command, shell: Shell) -> Vec<u8> {
    // The generator panics when it cannot write, so it writes to memory.
    let mut script = Vec::new();
    generate(shell, &mut command, env!("CARGO_PKG_NAME"), &mut script);
    script
}
