//! Checks AWS before a token is requested: region, credentials, STS, and the clock.

use super::deadline::Deadline;
use super::finding::{Check, Finding};
use super::way;
use crate::cli::format::span;
use crate::config::environment::variable;
use crate::credential::error::CredentialError;
use crate::credential::setup_error::SetupError;
use crate::credential::sts::Sts;
use crate::credential::sts::diagnosis::{
    FoundCredentials, FoundRegion, Identity, Introduction, RegionSource,
};
use crate::diagnostics::DiagnosticCode;
use crate::model::credential_spec::CredentialTemplate;
use std::time::Duration;

/// The time limit for the region: where no setting names it, the instance's metadata is asked.
const REGION_TIMEOUT: Duration = Duration::from_secs(4);
/// The time limit for credentials.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(4);
/// The time limit for STS to return the caller's identity.
const IDENTITY_TIMEOUT: Duration = Duration::from_secs(4);
/// The difference in seconds from which two clocks differ by more than rounding and delay.
const CLOCKS_AGREE: u64 = 30;

/// The results of the checks before a token is requested.
#[derive(Default)]
pub(super) struct AwsChecks {
    pub(super) findings: Vec<Finding>,
    /// The caller's identity, as STS returns it.
    pub(super) identity: Option<Identity>,
    /// The URL at which STS was called.
    pub(super) url: Option<String>,
    /// Why no token can be requested.
    pub(super) obstacle: Option<&'static str>,
}

/// Runs the checks in sequence, because each one needs the result of the one before.
pub(super) async fn check(sts: &Sts, template: &CredentialTemplate, deadline: Deadline) -> AwsChecks {
    let mut aws = AwsChecks::default();
    let region =
        deadline.within(REGION_TIMEOUT, sts.region()).await.unwrap_or(Err(SetupError::NoRegion.into()));
    match region {
        Ok(region) => aws.findings.push(region_finding(region)),
        Err(error) if is_of_region(&error) => {
            aws.findings.push(failed(Check::Region, &error));
            return aws.stop("needs a region", &[Check::Credentials, Check::StsEndpoint, Check::Clock]);
        }
        // The settings of the calls are invalid, so no call is made.
        Err(error) => {
            let obstacle = "needs AWS settings that make sense";
            let mut aws = aws.stop(obstacle, &[Check::Region, Check::Credentials]);
            aws.findings.push(failed(Check::StsEndpoint, &error));
            return aws.stop(obstacle, &[Check::Clock]);
        }
    }
    let found = match deadline.within(CREDENTIALS_TIMEOUT, sts.credentials(template.lifetime)).await {
        Some(found) => found,
        None => Err(sts.late_credentials(CREDENTIALS_TIMEOUT).await),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            aws.findings.push(failed(Check::Credentials, &error));
            return aws.stop("needs credentials", &[Check::StsEndpoint, Check::Clock]);
        }
    };
    let too_late = Introduction {
        answer: Err(CredentialError::TimedOut(IDENTITY_TIMEOUT)),
        url: None,
        clock_ahead: None,
    };
    let introduction = match deadline.within(IDENTITY_TIMEOUT, sts.introduce(template.lifetime)).await {
        Some(Ok(introduction)) => introduction,
        Some(Err(error)) => Introduction { answer: Err(error), ..too_late },
        None => too_late,
    };
    aws.findings.push(credentials_finding(&found, &introduction.answer, template));
    let endpoint = endpoint_finding(&introduction, deadline).await;
    aws.obstacle = (endpoint.failure().is_some()).then_some("needs an STS that answers");
    aws.findings.push(endpoint);
    aws.findings.push(clock_finding(introduction.clock_ahead));
    aws.identity = introduction.answer.ok();
    aws.url = introduction.url;
    aws
}

impl AwsChecks {
    /// Skips the remaining checks.
    fn stop(mut self, obstacle: &'static str, skipped: &[Check]) -> Self {
        self.findings.extend(skipped.iter().map(|&check| Finding::skipped(check, obstacle)));
        Self { obstacle: Some(obstacle), ..self }
    }
}

fn failed(check: Check, error: &CredentialError) -> Finding {
    Finding::failed(check, error.diagnostic(), error.to_string(), error.hint())
}

fn is_of_region(error: &CredentialError) -> bool {
    [DiagnosticCode::RegionMissing, DiagnosticCode::RegionInvalid].contains(&error.diagnostic())
}

fn region_finding(FoundRegion { name, source }: FoundRegion) -> Finding {
    let from = match source {
        RegionSource::Given => "the command",
        RegionSource::Environment if variable("AWS_REGION").is_some() => "AWS_REGION",
        RegionSource::Environment => "AWS_DEFAULT_REGION",
        RegionSource::Profile => "the profile in AWS's configuration file",
        RegionSource::InstanceMetadata => "the instance's metadata",
    };
    Finding::ok(Check::Region, format!("{name}, from {from}"))
}

/// The finding about the credentials. Invalid credentials fail even in the call that needs no permission.
fn credentials_finding(
    found: &FoundCredentials,
    answer: &Result<Identity, CredentialError>,
    template: &CredentialTemplate,
) -> Finding {
    let check = Check::Credentials;
    let who = match answer {
        Ok(identity) => identity.arn.clone(),
        Err(error) if is_of_credentials(error) => return failed(check, error),
        Err(_) => "STS does not say whose they are".to_owned(),
    };
    let session = match (found.rest, found.is_session) {
        (Some(rest), _) => format!("session ends in {}", span(rest)),
        (None, true) => "a session that does not say when it ends".to_owned(),
        (None, false) => "long-term keys".to_owned(),
    };
    let seen = format!("{who}, from {}, {session}", found.provider);
    match found.rest {
        Some(rest) if is_too_short(rest, template) => {
            let next = "give the role longer sessions, or shorten --token-duration and --token-refresh-skew";
            Finding::warning(check, DiagnosticCode::SessionTooShort, seen, next)
        }
        Some(rest) if rest < template.lifetime => {
            Finding::ok(check, format!("{seen}, so tokens live no longer than that"))
        }
        Some(_) | None => Finding::ok(check, seen),
    }
}

/// Whether a lifetime is shorter than configured, and too short for the time between two renewals.
pub(super) fn is_too_short(life: Duration, template: &CredentialTemplate) -> bool {
    life < template.lifetime && life < 2 * template.refresh_skew
}

fn is_of_credentials(error: &CredentialError) -> bool {
    let diagnostics = [
        DiagnosticCode::AccessKeyUnknown,
        DiagnosticCode::SignatureRejected,
        DiagnosticCode::CredentialsExpired,
    ];
    diagnostics.contains(&error.diagnostic())
}

async fn endpoint_finding(introduction: &Introduction, deadline: Deadline) -> Finding {
    let check = Check::StsEndpoint;
    let url = introduction.url.as_deref().unwrap_or("STS").trim_end_matches('/');
    if url.ends_with("//sts.amazonaws.com") {
        let next = "set AWS_REGION to a region, and AWS_ENDPOINT_URL_STS or --sts-endpoint-url to that region's STS or nothing";
        return Finding::failed(check, DiagnosticCode::StsGlobalEndpoint, format!("{url} is called"), next);
    }
    match &introduction.answer {
        Ok(_) => Finding::ok(check, format!("{url} answers")),
        Err(error @ CredentialError::Refused { .. })
            if error.diagnostic() == DiagnosticCode::StsThrottled =>
        {
            Finding::warning(check, error.diagnostic(), format!("{url}: {error}"), error.hint())
        }
        // A refusal proves that STS was reached; other checks report it.
        Err(CredentialError::Refused { code, .. }) => Finding::ok(check, format!("{url} answers {code}")),
        Err(error @ CredentialError::Unreachable(_)) => {
            let next = way::next_step(url, deadline).await.unwrap_or_else(|| error.hint());
            Finding::failed(check, error.diagnostic(), format!("{url}: {error}"), next)
        }
        Err(error) => Finding::failed(check, error.diagnostic(), format!("{url}: {error}"), error.hint()),
    }
}

fn clock_finding(ahead: Option<i64>) -> Finding {
    let check = Check::Clock;
    match ahead {
        None => Finding::skipped(check, "needs an answer of STS"),
        Some(ahead) if ahead.unsigned_abs() < CLOCKS_AGREE => {
            Finding::ok(check, format!("within {CLOCKS_AGREE}s of STS's"))
        }
        Some(ahead) => {
            let direction = if ahead > 0 { "behind" } else { "ahead of" };
            let apart = span(Duration::from_secs(ahead.unsigned_abs()));
            let next = "set this machine's clock by NTP: AWS refuses signatures more than 5 minutes off, and APIs check iat and exp";
            Finding::warning(check, DiagnosticCode::ClockSkew, format!("{apart} {direction} STS's"), next)
        }
    }
}
