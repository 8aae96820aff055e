//! The arguments of `attache healthcheck` and `attache wait`.

use crate::config::args::MetricsArgs;
use crate::config::duration::{self, DurationError};
use std::time::Duration;

/// See whether a proxy is alive, or ready, by the exit status
#[derive(Clone, Debug, clap::Args)]
#[command(next_line_help = true)]
pub struct HealthcheckArgs {
    /// Ask whether it is ready, and not only whether it lives
    #[arg(long)]
    pub ready: bool,

    /// The longest wait for the answer
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = positive)]
    pub timeout: Duration,

    /// Where it is, by the settings of the proxy itself.
    #[command(flatten, next_help_heading = "Metrics and health, as the proxy was told")]
    pub place: MetricsArgs,
}

/// Wait until a proxy is ready
#[derive(Clone, Debug, clap::Args)]
#[command(next_line_help = true)]
pub struct WaitArgs {
    /// The longest wait
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = positive)]
    pub timeout: Duration,

    /// Where it is, by the settings of the proxy itself.
    #[command(flatten, next_help_heading = "Metrics and health, as the proxy was told")]
    pub place: MetricsArgs,
}

/// Why a duration is no time to wait.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum TimeoutError {
    #[error(transparent)]
    Duration(#[from] DurationError),
    #[error("must be above 0s")]
    Zero,
}

fn positive(text: &str) -> Result<Duration, TimeoutError> {
    match duration::parse(text)? {
        Duration::ZERO => Err(TimeoutError::Zero),
        above => Ok(above),
    }
}
