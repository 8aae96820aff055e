//! The arguments of `attache config`.

use clap::Subcommand;
use std::path::PathBuf;

/// What to do with a configuration file.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// See whether a configuration file can be used, and every problem of it
    Check {
        /// The configuration file
        file: PathBuf,
    },
    /// Print a configuration file with every default written out
    Show {
        /// The configuration file
        file: PathBuf,
    },
    /// Print the JSON schema of configuration files, for editors
    Schema,
}
