//! `attache healthcheck` and `attache wait`: what a proxy that runs says of itself, as an exit status, for images without
//! a shell.

use crate::cli::exit::Exit;
use crate::cli::report;
use crate::config::args::MetricsArgs;
use crate::config::duration::Shown;
use crate::config::environment::Environment;
use crate::config::problems::Problems;
use crate::config::{self, ListenAddr, MetricsConfig};
use crate::health_socket;
use args::{HealthcheckArgs, WaitArgs};
use probe::{Probe, Question};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

/// What can be asked of them.
pub mod args;
/// One question to the proxy.
mod probe;

/// Between the first two questions of `wait`; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Asks once. Says in one line what is wrong, as that is what orchestrators keep.
pub(super) fn check(args: &HealthcheckArgs) -> Exit {
    let question = if args.ready { Question::Ready } else { Question::Alive };
    run(async {
        let probe = match locate(&args.place, &config::environment()).await {
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
    let environment = config::environment();
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

/// Leaves in `last` why the answer is not yes. The proxy may start meanwhile, so it is looked for each time.
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
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Where to ask. An address that was typed is the one. The container's main process knows its own flags, which the
/// variables here need not tell. Else it is the address in the variables, and without one the proxies that run here.
async fn locate(args: &MetricsArgs, environment: &Environment) -> Result<Probe, Problems> {
    let typed = args.names_address();
    let running = if typed { Vec::new() } else { health_socket::places().await };
    if let Some(main) = running.iter().find(|place| place.is_main()) {
        return Ok(Probe::Processes(vec![main.clone()]));
    }
    let told = typed || environment.sets("metrics-listen-addr");
    match MetricsConfig::resolve(args, environment)?.map(|metrics| metrics.listen) {
        // Which port the proxy got, only its log tells.
        Some(ListenAddr::Every(0) | ListenAddr::One(_, 0)) | None => Ok(Probe::Processes(running)),
        Some(listen) if told || running.is_empty() => Ok(Probe::Listener(listen)),
        Some(_) => Ok(Probe::Processes(running)),
    }
}

fn run(work: impl Future<Output = Exit>) -> Exit {
    match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(work);
            // A name look-up that hangs must not hold up the end.
            runtime.shutdown_background();
            exit
        }
        Err(error) => report::failure(&error, None),
    }
}
