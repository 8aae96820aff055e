//! Runs the proxy until it is told to stop, and a second telling stops it at once.

use super::{Exit, report, signals::Signals};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::telemetry::logs;
use crate::token::sts::{Access, Sts};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::iter;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// Serves with this configuration. Ends when everything in flight has ended, or was given up.
pub(super) fn run(config: Config) -> Exit {
    let _flush = match logs::init(&config.log) {
        Ok(flush) => flush,
        Err(error) => return report::failure(&error, None),
    };
    let runtime = match runtime(config.worker_threads) {
        Ok(runtime) => runtime,
        Err(error) => return report::failure(&error, None),
    };
    let exit = runtime.block_on(serve(config));
    // A name look-up that hangs must not hold up the end.
    runtime.shutdown_background();
    exit
}

fn runtime(threads: NonZeroUsize) -> io::Result<Runtime> {
    match threads.get() {
        1 => Builder::new_current_thread().enable_all().build(),
        several => Builder::new_multi_thread().worker_threads(several).enable_all().build(),
    }
}

async fn serve(config: Config) -> Exit {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return report::failure(&error, None),
    };
    let clock = Clock::system();
    let tokens = &config.tokens;
    let source = Sts::new(tokens.wish(), Access::DefaultChain, tokens.sts_endpoint_url.clone(), clock);
    let app = tokio::select! {
        app = App::bind(config, Arc::new(source), clock) => app,
        () = signals.next() => return Exit::Done,
    };
    match app {
        Ok(app) => run_until_told(app, signals).await,
        Err(error) => report::failure(&error, hint(&error)),
    }
}

async fn run_until_told(app: App, mut signals: Signals) -> Exit {
    let (stop, stopped) = oneshot::channel::<()>();
    let run = app.run(async {
        // Either way, sent or dropped, it is time to stop.
        let _ = stopped.await;
    });
    tokio::pin!(run);
    tokio::select! {
        () = &mut run => return Exit::Done,
        () = signals.next() => drop(stop),
    }
    tokio::select! {
        () = run => Exit::Done,
        () = signals.next() => Exit::Failed,
    }
}

/// What to do about a socket that could not be had.
const HINTS: [(ErrorKind, &str); 3] = [
    (
        ErrorKind::AddrInUse,
        "another process listens there; choose another --listen-addr or --metrics-listen-addr",
    ),
    (
        ErrorKind::AddrNotAvailable,
        "no interface of this machine has that address; :PORT listens on every one",
    ),
    (ErrorKind::PermissionDenied, "a port below 1024 may need a privilege; choose a higher one"),
];

fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut causes = iter::successors(Some(error), |&cause| cause.source());
    let kind = causes.find_map(|cause| cause.downcast_ref::<io::Error>())?.kind();
    HINTS.iter().find(|(known, _)| *known == kind).map(|(_, hint)| *hint)
}
