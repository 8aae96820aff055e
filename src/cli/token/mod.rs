//! `attache token`: mints one token as the proxy does, for scripts, or to show its content.

use self::args::MintArgs;
use self::show::Shown;
use super::fetch;
use super::verifier::{Rejection, Verifier};
use crate::cli::config::settings;
use crate::cli::exit::Exit;
use crate::cli::report;
use crate::clock::Clock;
use crate::config::{Config, TokenConfig, environment};
use crate::credential::Credential;
use crate::credential::error::CredentialError;
use crate::credential::inspect::Reading;
use crate::credential::sts::{Sts, credentials_source::AwsCredentialsSource};
use crate::credential::{cache::CredentialCache, settings::Settings};
use crate::diagnostics::DiagnosticCode;
use crate::model::audience_set::AudienceSet;
use crate::model::credential_spec::CredentialSpec;
use crate::telemetry::metrics::Metrics;
use crate::tls::client::TrustError;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;

/// The arguments of the command.
pub mod args;
/// Formats the token.
mod show;

/// The time limit for each of the issuer's documents.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why no token is printed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("there is no token for {0}")]
    Token(AudienceSet, #[source] Arc<CredentialError>),
    #[error("the token is no JWT")]
    NoJwt,
    #[error("the token does not verify")]
    Unverified(#[source] Rejection),
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Failure {
    fn diagnostic(&self) -> DiagnosticCode {
        match self {
            Self::Token(_, error) => error.diagnostic(),
            Self::NoJwt => DiagnosticCode::TokenDiffers,
            Self::Unverified(Rejection::Issuer(_)) => DiagnosticCode::IssuerUnreachable,
            Self::Unverified(_) => DiagnosticCode::TokenUnverifiable,
            Self::Trust(_) => DiagnosticCode::RootsMissing,
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Token(_, error) => error.hint(),
            Self::NoJwt | Self::Unverified(_) | Self::Trust(_) => {
                "attache doctor, with the same settings, says more"
            }
        }
    }
}

/// Mints a token, verifies it if requested, and prints it. Everything else goes to standard error.
pub(super) fn run(args: &MintArgs) -> Exit {
    let config = match settings::read(&args.settings, &environment::of_process()) {
        Ok(settings) => settings.config,
        Err(exit) => return exit,
    };
    let spec = match credential(&config, args.route.as_deref()) {
        Ok(spec) => spec,
        Err(advice) => return report::bad_usage(&advice),
    };
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report::failure(&error, None),
    };
    let shown = runtime.block_on(shown(args, &config.tokens, &spec));
    runtime.shutdown_background();
    match shown {
        Ok(text) => report::data(text.as_bytes()),
        Err(failure) => report::diagnostic(&failure, failure.hint(), failure.diagnostic()),
    }
}

/// The credential of the route of this name, or of the only route.
///
/// # Errors
/// When there is none, or it cannot be known without a request. The error says what to do.
fn credential(config: &Config, route: Option<&str>) -> Result<CredentialSpec, String> {
    let names = || config.routes.iter().map(|route| route.name.as_str()).collect::<Vec<_>>().join(", ");
    let route = match (route, config.routes.as_slice()) {
        (None, [only]) => only,
        (None, _) => return Err(format!("name one of the file's routes with --route: {}", names())),
        (Some(name), routes) => {
            let found = routes.iter().find(|route| route.name == name);
            found.ok_or_else(|| format!("--route must be the name of a route: {}", names()))?
        }
    };
    route.known_credential().ok_or_else(|| match route.label() {
        None => "name the audience with --token-audience, or the upstream with --upstream-host".to_owned(),
        Some(name) => format!("each request to route {name} names its upstream: give it a credential"),
    })
}

async fn shown(args: &MintArgs, config: &TokenConfig, spec: &CredentialSpec) -> Result<String, Failure> {
    let clock = Clock::system();
    let outcome = mint(config, spec, clock).await;
    let token = outcome.map_err(|error| Failure::Token(spec.audiences().clone(), error))?;
    let reading = Reading::of(token.expose()).ok_or(Failure::NoJwt)?;
    if args.verify {
        verify(&token, &reading, spec.audiences()).await?;
    }
    let shown = Shown { token: &token, reading: &reading, verified: args.verify };
    Ok(if args.json {
        shown.json()
    } else if args.decode {
        shown.decoded(clock)
    } else {
        format!("{}\n", token.expose())
    })
}

/// Mints through the proxy's token cache, with its retries and timeouts.
async fn mint(
    config: &TokenConfig,
    spec: &CredentialSpec,
    clock: Clock,
) -> Result<Credential, Arc<CredentialError>> {
    let source = Sts::new(
        AwsCredentialsSource::DefaultChain(config.aws.clone()),
        config.sts_endpoint_url.clone(),
        config.fetch_timeout,
        clock,
    );
    let settings = Settings {
        clock,
        fetch_timeout: config.fetch_timeout,
        capacity: config.cache_capacity,
        metrics: Metrics::disabled(),
    };
    CredentialCache::new(Arc::new(source), settings).get_or_insert(spec).credential().await
}

/// Verifies the token for each audience, because each is a different relying party's.
async fn verify(token: &Credential, reading: &Reading, audiences: &AudienceSet) -> Result<(), Failure> {
    let issuer = reading.issuer().ok_or(Failure::Unverified(Rejection::Claims))?;
    for audience in audiences.iter() {
        let bounds = fetch::bounds(DOCUMENT_TIMEOUT);
        let verifier = Verifier::new(issuer, audience, fetch::client()?, bounds);
        verifier.verify(token.expose()).await.map_err(Failure::Unverified)?;
    }
    Ok(())
}
