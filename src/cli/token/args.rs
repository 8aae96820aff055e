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

    /// The settings by which it is minted.
    #[command(flatten)]
    pub settings: Args,
}
