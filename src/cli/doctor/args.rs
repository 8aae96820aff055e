//! The arguments of `attache doctor`.

use crate::config::args::Args;
use crate::model::target::HostPort;
use clap::ValueEnum;
use http::uri::PathAndQuery;

/// The proxy's own settings, and how to look at them.
#[derive(Clone, Debug, clap::Args)]
pub struct DoctorArgs {
    /// How findings are shown: text or json
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", hide_possible_values = true)]
    pub format: Format,

    /// An upstream to try where requests name their own, host or host:port
    #[arg(long, value_name = "HOST")]
    pub probe_host: Option<HostPort>,

    /// The path and query of the requests that try the upstream
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub probe_path: PathAndQuery,

    /// The settings to look at.
    #[command(flatten)]
    pub settings: Args,
}

/// How findings are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Text,
    /// For a program.
    Json,
}
