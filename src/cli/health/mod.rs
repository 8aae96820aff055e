//! `attache healthcheck` and `attache wait`: report the health of a running proxy as an exit status, for images without
//! a shell.

use crate::cli::exit::Exit;
use crate::cli::report;
use crate::config::args::MetricsArgs;
use crate::config::duration::Shown;
use crate::config::environment::Environment;
use crate::config::listener::ListenAddr;
use crate::config::problems::Problems;
use crate::config::{MetricsConfig, environment};
use crate::health_socket;
use args::{HealthcheckArgs, WaitArgs};
use probe::{Probe, Question};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

/// The arguments of both commands.
pub mod args;
/// Asks a proxy for its health.
mod probe;

/// The first pause between two requests of `wait`; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Asks once. Prints a problem in one line, because orchestrators keep one line.
pub(super) fn check(args: &HealthcheckArgs) -> Exit {
    let question = if args.ready { Question::Ready } else { Question::Alive };
    run(async {
        let probe = match locate(&args.place, &environment::of_process()).await {
            Ok(probe) => probe,
            Err(problems) => return report::problems(&problems),
        };
        match timeout(args.timeout, probe.ask(question)).await {
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
    let environment = environment::of_process();
    run(async {
        if let Err(problems) = locate(&args.place, &environment).await {
            return report::problems(&problems);
        }
        let mut last = "no answer".to_owned();
        match timeout(args.timeout, until_ready(&args.place, &environment, &mut last)).await {
            Ok(Ok(())) => Exit::Done,
            Ok(Err(problems)) => report::problems(&problems),
            Err(_) => report::unmet(&format!("gave up after --timeout {}: {last}", Shown(args.timeout))),
        }
    })
}

/// Asks until the proxy is ready, and leaves the last problem in `last`. The proxy may start in the meantime, so it is
/// located again each time.
async fn until_ready(
    args: &MetricsArgs,
    environment: &Environment,
    last: &mut String,
) -> Result<(), Problems> {
    let mut pause = FIRST_PAUSE;
    loop {
        let probe = locate(args, environment).await?;
        *last = format!("no answer from {probe}");
        match probe.ask(Question::Ready).await {
            Ok(()) => return Ok(()),
            Err(error) => *last = error.to_string(),
        }
        sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// Finds the proxy to ask. An address on the command line comes first. Next is the container's main process, which
/// knows its own flags. Then comes the address in the variables, and last the proxies that run in this container.
async fn locate(args: &MetricsArgs, environment: &Environment) -> Result<Probe, Problems> {
    let typed = args.names_address();
    let running = if typed { Vec::new() } else { health_socket::places().await };
    if let Some(main) = running.iter().find(|place| place.is_main()) {
        return Ok(Probe::Processes(vec![main.clone()]));
    }
    let told = typed || environment.sets("metrics-listen-addr");
    match MetricsConfig::resolve(args, environment)?.map(|metrics| metrics.listen) {
        // Only the log tells which port the system chose.
        Some(ListenAddr::Every(0) | ListenAddr::One(_, 0)) | None => Ok(Probe::Processes(running)),
        Some(listen) if told || running.is_empty() => Ok(Probe::Listener(listen)),
        Some(_) => Ok(Probe::Processes(running)),
    }
}

fn run(work: impl Future<Output = Exit>) -> Exit {
    match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(work);
            // A name look-up that hangs must not delay the exit.
            runtime.shutdown_background();
            exit
        }
        Err(error) => report::failure(&error, None),
    }
}
