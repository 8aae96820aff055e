//! The AWS session of the workload itself, which no token may outlive.
//!
//! STS refuses a token that would end after the caller's session (`SessionDurationEscalationException`), so the session's
//! rest bounds what is asked for. What providers report about it differs: most say when a session ends, environment
//! variables do not, and instance metadata may promise more than is true when AWS is unwell.

use super::profiles;
use super::providers::Providers;
use super::refusal::no_credentials;
use crate::clock::Clock;
use crate::credential::error::CredentialError;
use crate::credential::setup_error::{CredentialPart, SetupError, WaitsFor};
use crate::model::aws_variables::AwsVariables;
use crate::model::flaw::Flaw;
use crate::tasks::BlockingWork;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// The shortest token that STS mints (AWS STS API reference, `GetWebIdentityToken`).
pub(super) const MIN_TOKEN_LIFETIME: Duration = Duration::from_secs(60);
/// How much sooner than its session a token ends, for the time that the call takes.
const MARGIN: Duration = Duration::from_secs(5);
/// How often a provider is asked for a longer session while the one held will do.
const ASK_EVERY: Duration = Duration::from_secs(60);
/// How often it is asked because STS has refused the session held.
const REPLACE_EVERY: Duration = Duration::from_secs(5);
/// How long the provider may take while the session held will do.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(3);
/// After so long a provider that has not answered is asked anew. The program of a `credential_process` runs on.
pub(super) const MAX_HANGING: Duration = Duration::from_secs(60);
/// How long it may take to find out what a provider waits for.
const EXPLAIN: Duration = Duration::from_secs(1);

/// How long a fetch may wait for credentials. What is left is for the call, and to tell the two apart.
pub(super) fn provider_timeout(fetch_timeout: Duration) -> Duration {
    fetch_timeout * 9 / 10
}

/// Holds the workload's credentials and asks their provider for newer ones when their session is too short.
#[derive(Debug)]
pub(super) struct AwsSession {
    providers: Providers,
    variables: AwsVariables,
    clock: Clock,
    /// How long the provider may take while there is no session that will do.
    provider_timeout: Duration,
    blocking: BlockingWork,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// What the last credentials came from. None that failed, or whose credentials were refused, is asked again.
    provider: Option<SharedCredentialsProvider>,
    credentials: Option<Credentials>,
    asked: Option<Instant>,
    replaced: Option<Instant>,
    /// The longest life that STS granted where it had refused a longer one.
    granted: Option<Duration>,
}

/// Credentials to call with, and the longest life that a token asked for with them may have.
#[derive(Clone, Debug)]
pub(super) struct SessionCredentials {
    pub(super) credentials: Credentials,
    pub(super) longest: Duration,
}

impl AwsSession {
    /// A session that begins when it is first asked for. A fetch that waits for it has `fetch_timeout` in all.
    pub(super) fn new(
        providers: Providers,
        variables: AwsVariables,
        clock: Clock,
        fetch_timeout: Duration,
        blocking: BlockingWork,
    ) -> Self {
        let provider_timeout = provider_timeout(fetch_timeout);
        Self { providers, variables, clock, provider_timeout, blocking, held: Mutex::default() }
    }

    /// Credentials for a token of the `wanted` life, or of as much of it as their session has left.
    pub(super) async fn credentials_for(
        &self,
        wanted: Duration,
    ) -> Result<SessionCredentials, CredentialError> {
        let mut held = self.held.lock().await;
        if self.worth_asking(&held, wanted) {
            self.ask(&mut held).await?;
        }
        self.credentials_of(&held, wanted)
    }

    /// Newer credentials than those that STS has just refused; `None` where the provider has none.
    pub(super) async fn replace(
        &self,
        refused: &Credentials,
        wanted: Duration,
    ) -> Option<SessionCredentials> {
        let mut held = self.held.lock().await;
        if held.is(refused) && held.replaced.is_none_or(|replaced| replaced.elapsed() >= REPLACE_EVERY) {
            held.replaced = Some(Instant::now());
            held.provider = None;
            self.ask(&mut held).await.ok()?;
        }
        if held.is(refused) { None } else { self.credentials_of(&held, wanted).ok() }
    }

    /// Remembers that STS granted this life after it had refused a longer one.
    pub(super) async fn granted(&self, current: &SessionCredentials, life: Duration) {
        let mut held = self.held.lock().await;
        if held.is(&current.credentials) {
            held.granted = Some(life);
        }
    }

    fn worth_asking(&self, held: &Held, wanted: Duration) -> bool {
        let Some(credentials) = &held.credentials else { return true };
        let asked_lately = held.asked.is_some_and(|asked| asked.elapsed() < ASK_EVERY);
        match self.rest(credentials) {
            Some(rest) if rest < MIN_TOKEN_LIFETIME + MARGIN => true,
            Some(rest) => rest < wanted + MARGIN && !asked_lately,
            None => !asked_lately,
        }
    }

    async fn ask(&self, held: &mut Held) -> Result<(), CredentialError> {
        let usable = held.credentials.as_ref().is_some_and(|credentials| {
            self.rest(credentials).is_none_or(|rest| rest >= MIN_TOKEN_LIFETIME + MARGIN)
        });
        // Noted first, so that a provider that hangs costs one try only while the session held will do.
        held.asked = Some(Instant::now());
        let limit = if usable { RENEWAL_TIMEOUT } else { self.provider_timeout };
        let providing = provide(self.providers.clone(), held.provider.take(), self.variables.clone());
        let answer = match timeout(limit, self.blocking.run(MAX_HANGING, providing)).await {
            Ok(answer) => answer,
            Err(_) => Err(late(&self.blocking, &self.variables, limit).await),
        };
        match answer {
            Ok((provider, credentials)) => {
                held.provider = Some(provider);
                held.take(credentials);
            }
            Err(error) if usable => {
                tracing::debug!(%error, "credentials not renewed, those held serve meanwhile");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn credentials_of(&self, held: &Held, wanted: Duration) -> Result<SessionCredentials, CredentialError> {
        let Some(credentials) = held.credentials.clone() else {
            return Err(SetupError::NoCredentials("the provider gave none".to_owned()).into());
        };
        let longest = match self.rest(&credentials) {
            // Within the margin STS has the last word: it may count from another second.
            Some(rest) if rest + MARGIN < MIN_TOKEN_LIFETIME => {
                return Err(CredentialError::SessionTooShort(rest));
            }
            Some(rest) => wanted.min(rest.saturating_sub(MARGIN)),
            None => wanted,
        };
        let longest = held.granted.map_or(longest, |granted| longest.min(granted));
        // STS counts in whole seconds.
        let longest = Duration::from_secs(longest.as_secs()).max(MIN_TOKEN_LIFETIME);
        Ok(SessionCredentials { credentials, longest })
    }

    fn rest(&self, credentials: &Credentials) -> Option<Duration> {
        credentials.expiry().map(|end| self.clock.until(end))
    }
}

/// Why there are no credentials, where looking for them has come to no end within this time.
pub(super) async fn late(blocking: &BlockingWork, variables: &AwsVariables, within: Duration) -> SetupError {
    let waits_for = match profiles::odd_file(variables).await {
        Some((setting, path)) => WaitsFor::File { setting, path },
        None => {
            let variables = variables.clone();
            let by_files = async move { profiles::waits_for(&variables).await };
            timeout(EXPLAIN, blocking.run(EXPLAIN, by_files)).await.unwrap_or(WaitsFor::Provider)
        }
    };
    SetupError::Late { within, waits_for }
}

/// Asks a provider, and explains where it has none.
async fn provide(
    providers: Providers,
    provider: Option<SharedCredentialsProvider>,
    variables: AwsVariables,
) -> Result<(SharedCredentialsProvider, Credentials), SetupError> {
    let provider = provider.unwrap_or_else(|| providers.make());
    match provider.provide_credentials().await {
        Ok(credentials) => check(&credentials).map(|()| (provider, credentials)),
        Err(error) => {
            let problem = no_credentials(&error, &variables).await;
            let is_unreachable = matches!(problem, SetupError::Unreachable(_));
            let of_endpoint = if is_unreachable { providers.endpoint_problem().await } else { None };
            Err(of_endpoint.unwrap_or(problem))
        }
    }
}

/// Whether credentials can be signed with. Of others the SDK makes a panic, or a signature that is wrong.
fn check(credentials: &Credentials) -> Result<(), SetupError> {
    let parts = [
        (CredentialPart::AccessKeyId, Some(credentials.access_key_id())),
        (CredentialPart::SecretAccessKey, Some(credentials.secret_access_key())),
        (CredentialPart::SessionToken, credentials.session_token()),
    ];
    let flawed = parts.into_iter().find_map(|(part, text)| Some((part, Flaw::of(text?)?)));
    flawed.map_or(Ok(()), |(part, flaw)| Err(SetupError::Credentials { part, flaw }))
}

impl Held {
    fn is(&self, credentials: &Credentials) -> bool {
        self.credentials.as_ref().is_some_and(|held| {
            (held.access_key_id(), held.secret_access_key(), held.session_token(), held.expiry())
                == (
                    credentials.access_key_id(),
                    credentials.secret_access_key(),
                    credentials.session_token(),
                    credentials.expiry(),
                )
        })
    }

    fn take(&mut self, credentials: Credentials) {
        if !self.is(&credentials) {
            self.granted = None;
        }
        self.credentials = Some(credentials);
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
