//! `attache emulator`: runs the local STS alone until a signal stops it.

use super::emulator_args::EmulatorArgs;
use super::exit::Exit;
use super::{report, signals::Signals};
use crate::emulator::Emulator;
use crate::emulator::faults::{Faults, Outage};
use crate::emulator::options::Options;
use std::io;
use tokio::runtime::Builder;

/// Runs the emulator. Standard output gets the variables for a shell, standard error everything else.
pub(super) fn run(args: EmulatorArgs) -> Exit {
    let outage = match args.fail_status.map(Outage::try_from).transpose() {
        Ok(outage) => outage,
        Err(error) => return report::bad_usage(&format!("--fail-status: {error}")),
    };
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report::failure(&error, None),
    };
    runtime.block_on(serve(options(args, outage)))
}

async fn serve(options: Options) -> Exit {
    let (mut signals, emulator) = match (Signals::listen(), Emulator::bind(options).await) {
        (Ok(signals), Ok(emulator)) => (signals, emulator),
        (Err(error), _) => return report::failure(&error, None),
        (_, Err(error)) if error.kind() == io::ErrorKind::InvalidInput => {
            return report::bad_usage(&error.to_string());
        }
        (_, Err(error)) => {
            return report::failure(&error, Some("--listen-addr 127.0.0.1:0 takes any free port"));
        }
    };
    report::say(&format!(
        "attache emulator: a local STS, for development only\n  issuer: {}\n  faults: {}/_emulator/\n",
        emulator.issuer(),
        emulator.url()
    ));
    report::data(shell_lines(&emulator.url()).as_bytes());
    emulator.run(async move { signals.next().await }).await;
    Exit::Done
}

/// The variables that AWS SDKs read. The emulator accepts any keys, so these are no secrets.
fn shell_lines(url: &str) -> String {
    format!(
        "export AWS_ENDPOINT_URL_STS={url}\nexport AWS_ENDPOINT_URL_IAM={url}\nexport AWS_REGION=us-east-1\n\
         export AWS_ACCESS_KEY_ID=AKIAEMULATOR\nexport AWS_SECRET_ACCESS_KEY=emulator\n"
    )
}

fn options(args: EmulatorArgs, outage: Option<Outage>) -> Options {
    let seconds = |duration: std::time::Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    let faults = Faults {
        latency_ms: args.latency.map_or(0, |latency| u32::try_from(latency.as_millis()).unwrap_or(u32::MAX)),
        outage,
        throttle: args.throttle,
        deny_audiences: args.deny_audience,
        token_life_seconds: args.token_life.map(seconds),
        session_age_seconds: args.session_age.map_or(0, seconds),
        ..Faults::default()
    };
    Options {
        listen: args.listen_addr,
        issuer: args.issuer,
        account: args.account,
        role: args.role,
        region: args.region,
        federation_enabled: !args.federation_disabled,
        session: args.session_remaining,
        faults,
    }
}
