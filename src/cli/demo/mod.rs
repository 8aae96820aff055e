//! `attache demo`: shows what attache does, and proves it, on a machine with neither AWS nor a network.

use self::api::{Answer, Verdict};
use self::args::DemoArgs;
use self::services::Services;
use super::fetch::{self, FetchError, Fetcher};
use super::verifier::IssuerError;
use super::{Exit, report, signals::Signals};
use crate::app::error::StartError;
use crate::config::ListenAddr;
use crate::config::problems::ConfigError;
use crate::proxy::trust::TrustError;
use crate::server::listener::BindError;
use crate::telemetry::logs::LogError;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, StatusCode};
use std::io;
use std::time::Duration;
use tokio::runtime::Builder;

/// What can be asked of it.
pub mod args;
/// The parts, started.
mod services;
/// The third party's API.
mod api;
/// What is told on the terminal.
mod output;

/// Why the demo did not work out.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("the emulator cannot start")]
    Emulator(#[source] io::Error),
    #[error("the API cannot start")]
    Api(#[source] io::Error),
    #[error("signals cannot be heard")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("the API cannot learn the issuer's keys")]
    Issuer(#[from] IssuerError),
    #[error("cannot listen on {0}")]
    Listen(ListenAddr, #[source] BindError),
    #[error("attache cannot start")]
    Start(#[source] StartError),
    #[error("the request got no answer")]
    Request(#[from] FetchError),
    #[error("attache answered {0}: {1}")]
    NotTheApi(StatusCode, String),
    #[error("the API refused the request: {0}")]
    Refused(String),
}

impl From<StartError> for DemoError {
    fn from(error: StartError) -> Self {
        // Its own words name a variable, which the demo does not read.
        match error {
            StartError::Listen(address, cause) => Self::Listen(address, cause),
            other @ (StartError::MetricsListen(..)
            | StartError::HandedOver(_)
            | StartError::NoMetrics
            | StartError::Tls(_)
            | StartError::Trust(_)
            | StartError::Address(_)
            | StartError::Telemetry(_)) => Self::Start(other),
        }
    }
}

impl DemoError {
    fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::Listen(..)).then_some("--listen-addr 127.0.0.1:0 takes any free port")
    }
}

/// How long an exchange may take. A proxy that waits for a token takes the longest.
const PATIENCE: Duration = Duration::from_secs(15);
/// The request of the demo, with a credential that attache is to replace.
const PATH: &str = "/hello";
const CALLER: &str = "attache-demo";
const MADE_UP: &str = "Bearer caller-made-this-up";

/// Shows one request's way, and stays for more of them unless told otherwise.
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
        // Nothing has been shown yet, so this is no success.
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

/// Starts everything, sends one request through attache, and tells what became of it.
async fn send_one(args: &DemoArgs) -> Result<(Services, String), DemoError> {
    let services = Services::start(args.listen_addr()).await?;
    let mut request = fetch::get(&format!("{}{PATH}", services.places.attache))?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(CALLER));
    headers.insert(AUTHORIZATION, HeaderValue::from_static(MADE_UP));
    let response = Fetcher::to_anywhere(PATIENCE)?.send(request).await?;
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
