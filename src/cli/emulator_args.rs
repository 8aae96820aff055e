//! The arguments of `attache emulator`.

use crate::config::duration;
use std::net::SocketAddr;
use std::time::Duration;

/// Run a local STS that mints, serves its keys, and fails on demand.
#[derive(Clone, Debug, clap::Args)]
#[command(next_line_help = true)]
pub struct EmulatorArgs {
    /// Where the emulator listens; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4577")]
    pub listen_addr: SocketAddr,

    /// The issuer of the tokens, a URL; the emulator's own address unless set
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,

    /// The account of the callers, twelve digits
    #[arg(long, value_name = "DIGITS", default_value = "123456789012")]
    pub account: String,

    /// The role of the callers, with its path
    #[arg(long, value_name = "NAME", default_value = "demo/attache")]
    pub role: String,

    /// The region where a call names none
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub region: String,

    /// Start with outbound identity federation turned off in the account
    #[arg(long)]
    pub federation_disabled: bool,

    /// What remains of the callers' own session; without it they have none
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub session_remaining: Option<Duration>,

    /// How long every answer to a call for a token is held back
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "Faults")]
    pub latency: Option<Duration>,

    /// Answer every call for a token with this status
    #[arg(long, value_name = "CODE", help_heading = "Faults")]
    pub fail_status: Option<u16>,

    /// Answer every call for a token with Throttling
    #[arg(long, help_heading = "Faults")]
    pub throttle: bool,

    /// Refuse tokens for this audience; may be repeated
    #[arg(long, value_name = "AUDIENCE", help_heading = "Faults")]
    pub deny_audience: Vec<String>,

    /// How long tokens live, whatever was asked for
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "Faults")]
    pub token_life: Option<Duration>,

    /// How long sessions have already lasted when they are handed out
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "Faults")]
    pub session_age: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        emulator: EmulatorArgs,
    }

    #[test]
    fn nothing_goes_wrong_unless_asked_for() {
        let EmulatorArgs { listen_addr, latency, fail_status, throttle, deny_audience, .. } =
            Line::try_parse_from(["emulator"]).unwrap().emulator;
        assert!(listen_addr.ip().is_loopback());
        assert_eq!((latency, fail_status, throttle), (None, None, false));
        assert!(deny_audience.is_empty());
    }

    #[test]
    fn durations_are_read_as_the_proxy_reads_them() {
        let words = ["emulator", "--latency", "1m30s", "--session-age=0", "--token-life", "500ms"];
        let emulator = Line::try_parse_from(words).unwrap().emulator;
        assert_eq!(emulator.latency, Some(Duration::from_secs(90)));
        assert_eq!(emulator.session_age, Some(Duration::ZERO));
        assert_eq!(emulator.token_life, Some(Duration::from_millis(500)));
        let Err(error) = Line::try_parse_from(["emulator", "--latency", "1d"]) else {
            panic!("a day is no unit");
        };
        assert!(error.to_string().contains("must use the units"), "{error}");
    }
}
