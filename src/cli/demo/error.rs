//! Why the demo fails.

use crate::app::error::StartError;
use crate::cli::verifier::IssuerError;
use crate::config::listener::ListenAddr;
use crate::config::problems::ConfigError;
use crate::http_client::HttpError;
use crate::server::bind_error::BindError;
use crate::telemetry::logs::LogError;
use crate::tls::client::TrustError;
use http::StatusCode;
use std::io;

/// Why the demo fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
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
    Request(#[from] HttpError),
    #[error("attache answered {0}: {1}")]
    NotTheApi(StatusCode, String),
    #[error("the API refused the request: {0}")]
    Refused(String),
}

impl From<StartError> for DemoError {
    fn from(error: StartError) -> Self {
        // The message of `StartError` names a variable, which the demo does not read.
        match error {
            StartError::Listen(address, cause) => Self::Listen(address, cause),
            other @ (StartError::MetricsListen(..)
            | StartError::InheritedSocket(_)
            | StartError::NoMetrics
            | StartError::Load(_)
            | StartError::Tls(_)
            | StartError::Trust(_)
            | StartError::Address(_)
            | StartError::Telemetry(_)) => Self::Start(other),
        }
    }
}

impl DemoError {
    /// What to do about the error, where that is known.
    pub(super) fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::Listen(..)).then_some("--listen-addr 127.0.0.1:0 takes any free port")
    }
}
