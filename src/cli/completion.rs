//! Scripts that let a shell complete commands and flags.

use clap_complete::{Shell, generate};

/// The script to be sourced by `shell`.
pub(super) fn script(mut command: clap::Command, shell: Shell) -> Vec<u8> {
    // Written to memory first, because the generator panics where its output cannot be written.
    let mut script = Vec::new();
    generate(shell, &mut command, env!("CARGO_PKG_NAME"), &mut script);
    script
}
