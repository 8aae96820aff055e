//! The arguments of `attache token`.

use crate::config::args::Args;

/// The proxy's own settings, and what to print of the token.
#[derive(Clone, Debug, clap::Args)]
pub struct MintArgs {
    /// Print what the token says instead of the token
    #[arg(long, conflicts_with = "json")]
    pub decode: bool,

    /// Print one JSON object: token, expiry, header and claims
    #[arg(long)]
    pub json: bool,

    /// Fail unless the token verifies with what its issuer publishes
    #[arg(long)]
    pub verify: bool,

    /// The route of the configuration file whose credential is minted; needed where the file has several
    #[arg(long, value_name = "NAME")]
    pub route: Option<String>,

    /// The settings by which it is minted.
    #[command(flatten)]
    pub settings: Args,
}
