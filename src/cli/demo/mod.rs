//! `attache demo`: shows what attache does, and proves it, without AWS and without a network.

use self::api::{Answer, Verdict};
use self::args::DemoArgs;
use self::error::DemoError;
use self::services::{EXCHANGE_TIMEOUT, Services};
use crate::cli::exit::Exit;
use crate::cli::fetch;
use crate::cli::report;
use crate::cli::signals::Signals;
use tokio::runtime::Builder;

/// The arguments of the command.
pub mod args;
/// Starts the emulator, the API and the proxy.
mod services;
/// The third party's API.
mod api;
/// The texts for the terminal.
mod output;
/// The request that the demo sends.
mod request;
/// Why the demo fails.
mod error;

/// Shows what happens to one request. Without `--once`, it then serves further requests.
pub(super) fn run(args: &DemoArgs) -> Exit {
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report::failure(&error, None),
    };
    let exit = match runtime.block_on(show(args)) {
        Ok(exit) => exit,
        Err(error) => report::failure(&error, error.hint()),
    };
    runtime.shutdown_background();
    exit
}

async fn show(args: &DemoArgs) -> Result<Exit, DemoError> {
    let mut signals = Signals::listen().map_err(DemoError::Signals)?;
    let (services, transcript) = tokio::select! {
        shown = send_one(args) => shown?,
        // Nothing has been shown yet, so this is a failure.
        () = signals.next() => return Ok(Exit::Failed),
    };
    let exit = report::data(transcript.as_bytes());
    if !args.once {
        report::data(output::invitation(&services.places).as_bytes());
        signals.next().await;
    }
    tokio::select! {
        () = services.drain() => Ok(exit),
        () = signals.next() => Ok(Exit::Failed),
    }
}

/// Starts everything, sends one request through attache, and describes what happened.
async fn send_one(args: &DemoArgs) -> Result<(Services, String), DemoError> {
    let services = Services::start(args.listen_addr()).await?;
    let request = request::to(&services.places.attache)?;
    let response = fetch::client()?.send(request, fetch::bounds(EXCHANGE_TIMEOUT)).await?;
    let Ok(answer) = serde_json::from_slice(response.body()) else {
        let body = String::from_utf8_lossy(response.body()).trim_end().to_owned();
        return Err(DemoError::NotTheApi(response.status(), body));
    };
    match answer {
        Answer { verdict: Verdict::Refused { reason }, .. } => Err(DemoError::Refused(reason)),
        Answer { verdict: Verdict::Verified { token, claims }, request } => {
            let transcript = output::transcript(&services.places, &request, &token, &claims);
            Ok((services, transcript))
        }
    }
}
