//! `attache healthcheck` and `attache wait`: what a proxy that runs says of itself, as an exit status, for images without
//! a shell.

use super::{Exit, report};
use crate::config::args::MetricsArgs;
use crate::config::duration::Shown;
use crate::config::{self, ListenAddr, MetricsConfig};
use args::{HealthcheckArgs, WaitArgs};
use probe::{Probe, ProbeError};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout_at};

/// What can be asked of them.
pub mod args;
/// One question to the proxy.
mod probe;

/// Between the first two questions of `wait`; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Asks once. Says in one line what is wrong, as that is what orchestrators keep.
pub(super) fn check(args: &HealthcheckArgs) -> Exit {
    let path = if args.ready { "/readyz" } else { "/healthz" };
    with_probe(&args.place, async |probe| {
        let deadline = Instant::now() + args.timeout;
        match timeout_at(deadline, probe.ask(path)).await {
            Ok(Ok(())) => Exit::Done,
            Ok(Err(error)) => report::unmet(&error.to_string()),
            Err(_) => {
                report::unmet(&format!("no answer from {probe} within --timeout {}", Shown(args.timeout)))
            }
        }
    })
}

/// Asks until the proxy is ready.
pub(super) fn wait(args: &WaitArgs) -> Exit {
    with_probe(&args.place, async |probe| {
        let deadline = Instant::now() + args.timeout;
        let mut last = None;
        match timeout_at(deadline, until_ready(&probe, &mut last)).await {
            Ok(()) => Exit::Done,
            Err(_) => {
                let reason =
                    last.map_or_else(|| format!("no answer from {probe}"), |error| error.to_string());
                report::unmet(&format!("gave up after --timeout {}: {reason}", Shown(args.timeout)))
            }
        }
    })
}

/// Leaves the reason of the last refusal in `last`.
async fn until_ready(probe: &Probe, last: &mut Option<ProbeError>) {
    let mut pause = FIRST_PAUSE;
    while let Err(error) = probe.ask("/readyz").await {
        *last = Some(error);
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn with_probe(place: &MetricsArgs, ask: impl AsyncFnOnce(Probe) -> Exit) -> Exit {
    let listen = match MetricsConfig::resolve(place, &config::environment()) {
        Ok(Some(MetricsConfig { listen, .. })) => listen,
        Ok(None) => {
            return report::bad_usage(
                "--metrics-enabled (METRICS_ENABLED) is false, so the proxy has no health to ask for",
            );
        }
        Err(problems) => return report::problems(&problems),
    };
    if let ListenAddr::Every(0) | ListenAddr::One(_, 0) = listen {
        return report::bad_usage(
            "--metrics-listen-addr (METRICS_LISTEN_ADDR) has port 0, and which port the proxy got only its log tells",
        );
    }
    match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(ask(Probe::new(listen)));
            // A name look-up that hangs must not hold up the end.
            runtime.shutdown_background();
            exit
        }
        Err(error) => report::failure(&error, None),
    }
}
