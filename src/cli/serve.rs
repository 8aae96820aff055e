//! Runs the proxy until a signal stops it; a second signal ends it at once.

use super::exit::Exit;
use super::signals::{Hangups, Signals, Toggles};
use super::threads::{self, TooFew};
use super::{panics, report};
use crate::admin::health::Readiness;
use crate::app::App;
use crate::app::error::StartError;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::listener::ListenAddr;
use crate::config::service_manager::{self, Sockets, State};
use crate::credential::sts::{Sts, credentials_source::AwsCredentialsSource};
use crate::diagnostics::DiagnosticCode;
use crate::health_socket::HealthSocket;
use crate::server::bind_error::BindError;
use crate::server::file_limit;
use crate::tasks::{Owned, Tasks};
use crate::telemetry::logs::{self, Verbosity};
use crate::telemetry::recent::Recent;
use crate::tls::reload::Reload;
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::sleep;

/// The maximum number of socket events that the runtime takes in at a time. With thousands at a time, it would read
/// thousands of responses before it passes on the first one, each in a buffer that has left the processor's cache by
/// then.
const EVENTS_AT_A_TIME: usize = 32;

/// Serves with this configuration, until all requests in flight have ended or have been cut off.
pub(super) fn run(config: Config) -> Exit {
    let sockets = match service_manager::sockets() {
        Ok(sockets) => sockets,
        Err(error) => return report::failure(&error, None),
    };
    let recent = Recent::default();
    let (_flush, verbosity) = match logs::init(&config.log, recent.clone()) {
        Ok(log) => log,
        Err(error) => return report::failure(&error, None),
    };
    panics::told_in_a_line(true);
    file_limit::raise();
    let workers = match threads::workers(config.worker_threads) {
        Ok(workers) => workers,
        Err(error) => return report::failure(&error, Some(TooFew::HINT)),
    };
    let runtime = match runtime(workers) {
        Ok(runtime) => runtime,
        Err(error) => return report::failure(&error, None),
    };
    let exit = runtime.block_on(serve(config, sockets, verbosity, recent));
    // A name look-up that hangs must not delay the exit.
    runtime.shutdown_background();
    exit
}

fn runtime(threads: NonZeroUsize) -> io::Result<Runtime> {
    let mut builder = match threads.get() {
        1 => Builder::new_current_thread(),
        several => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(several);
            builder
        }
    };
    builder.enable_all().max_io_events_per_tick(EVENTS_AT_A_TIME).build()
}

async fn serve(config: Config, sockets: Sockets, verbosity: Verbosity, recent: Recent) -> Exit {
    let (mut signals, hangups, toggles) = match (Signals::listen(), Hangups::listen(), Toggles::listen()) {
        (Ok(signals), Ok(hangups), Ok(toggles)) => (signals, hangups, toggles),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => return report::failure(&error, None),
    };
    let clock = Clock::system();
    let tokens = &config.tokens;
    let source = Sts::new(
        AwsCredentialsSource::DefaultChain(tokens.aws.clone()),
        tokens.sts_endpoint_url.clone(),
        tokens.fetch_timeout,
        clock,
    );
    let app = tokio::select! {
        app = App::bind_besides(sockets, config, Arc::new(source), clock, recent) => app,
        () = signals.next() => return Exit::Done,
    };
    match app {
        Ok(app) => {
            let (reload, readiness) = (app.reload(), app.readiness());
            let _watchdog = service_manager::watchdog().map(feed_watchdog);
            tokio::select! {
                exit = run_until_told(app, signals) => exit,
                never = reload_when_told(&reload, hangups) => match never {},
                never = toggle_when_told(verbosity, toggles) => match never {},
                never = tell_health(&readiness) => match never {},
            }
        }
        Err(error) => report::failure(&error, hint(&error)),
    }
}

async fn run_until_told(app: App, mut signals: Signals) -> Exit {
    let (stop, stopped) = oneshot::channel::<()>();
    let run = app.run(async {
        // Both a message and a dropped sender mean to stop.
        let _ = stopped.await;
    });
    tokio::pin!(run);
    tell(State::Ready);
    tokio::select! {
        () = &mut run => return Exit::Done,
        () = signals.next() => drop(stop),
    }
    tell(State::Stopping);
    tokio::select! {
        () = run => Exit::Done,
        () = signals.next() => Exit::Failed,
    }
}

async fn reload_when_told(reload: &Reload, mut hangups: Hangups) -> Infallible {
    loop {
        hangups.next().await;
        tell(State::Reloading);
        reload.now();
        tell(State::Ready);
    }
}

/// Tells the service manager that the process is alive, at half of its timeout. The task shares the threads of
/// requests, so it stops when they are stuck.
fn feed_watchdog(timeout: Duration) -> Owned {
    let feeding = async move {
        let mut is_heard = true;
        loop {
            // Only the first failure in a row is logged.
            is_heard =
                if is_heard { tell(State::Alive) } else { service_manager::tell(State::Alive).is_ok() };
            sleep(timeout / 2).await;
        }
    };
    Owned::from(Tasks::default().spawn(feeding))
}

async fn toggle_when_told(mut verbosity: Verbosity, mut toggles: Toggles) -> Infallible {
    loop {
        toggles.next().await;
        verbosity.toggle();
    }
}

/// Serves health to commands on a local socket. Without the socket, `attache healthcheck` needs the address.
async fn tell_health(readiness: &Readiness) -> Infallible {
    match HealthSocket::bind() {
        Ok(socket) => socket.answer(|| readiness.line()).await,
        Err(error) => {
            tracing::info!(%error, "healthcheck finds this process by its address only");
            std::future::pending().await
        }
    }
}

/// Tells the service manager the state, if there is a service manager. Returns false after a failure, which is logged.
fn tell(state: State) -> bool {
    let told = service_manager::tell(state);
    if let Err(error) = &told {
        tracing::warn!(
            code = DiagnosticCode::ServiceManagerDeaf.code(),
            see = DiagnosticCode::ServiceManagerDeaf.see(),
            %error,
            ?state,
            "the service manager cannot be told"
        );
    }
    told.is_ok()
}

/// What to do about a socket that cannot be used.
fn hint(error: &StartError) -> Option<&'static str> {
    let (StartError::Listen(address, cause) | StartError::MetricsListen(address, cause)) = error else {
        return None;
    };
    bind_hint(address, cause)
}

/// What to do about an address that cannot be bound.
pub(super) fn bind_hint(address: &ListenAddr, cause: &BindError) -> Option<&'static str> {
    match (cause, address) {
        (BindError::InUse, _) => Some("choose another path, or end that process first"),
        (BindError::NotASocket, _) => Some("choose another path, or move the file away"),
        (BindError::Unclear(_), _) => Some("choose another path, or remove the socket's file"),
        (BindError::System(error), ListenAddr::Unix(_)) => hint_of(error, &PATH_HINTS),
        (BindError::System(error), ListenAddr::Every(_) | ListenAddr::One(..)) => hint_of(error, &PORT_HINTS),
    }
}

const PORT_HINTS: [(ErrorKind, &str); 3] = [
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

const PATH_HINTS: [(ErrorKind, &str); 2] = [
    (ErrorKind::NotFound, "the directory has to exist before"),
    (ErrorKind::PermissionDenied, "the process has to be allowed to write to the directory"),
];

fn hint_of(error: &io::Error, hints: &[(ErrorKind, &'static str)]) -> Option<&'static str> {
    hints.iter().find(|(kind, _)| *kind == error.kind()).map(|(_, hint)| *hint)
}
