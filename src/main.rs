//! Runs what was typed, and turns how it ended into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    attache::cli::run().into()
}
