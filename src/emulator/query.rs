//! Parses the form bytes of a call. The functions are pure, so that they can be fuzzed.

use super::api_error::{ApiError, ErrorCode};
use super::call::{Algorithm, Api, Assume, AssumeWithWebIdentity, Call, Mint, Operation};
use super::constraint::Violations;
use super::form::{Form, FoundTag};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// A call that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The operation, if the call names a known one.
    pub operation: Option<Operation>,
    /// The API that determines the namespace of the response.
    pub api: Api,
    /// The error to answer with.
    pub error: ApiError,
}

/// Parses the body of a call.
///
/// # Errors
/// When the body breaks a rule of the API; the error is the one that STS answers with.
pub fn parse(body: &[u8]) -> Result<Call, Rejected> {
    let form = Form::decode(body).map_err(|error| Rejected { operation: None, api: Api::Sts, error })?;
    let operation = operation(&form).map_err(|error| Rejected { operation: None, api: form.api(), error })?;
    let call = match operation {
        Operation::GetWebIdentityToken => mint(&form).map(Call::GetWebIdentityToken),
        Operation::GetCallerIdentity => Ok(Call::GetCallerIdentity),
        Operation::AssumeRole => assume(&form).map(Call::AssumeRole),
        Operation::AssumeRoleWithWebIdentity => {
            assume_with_web_identity(&form).map(Call::AssumeRoleWithWebIdentity)
        }
        Operation::EnableOutboundWebIdentityFederation => Ok(Call::EnableOutboundWebIdentityFederation),
        Operation::GetOutboundWebIdentityFederationInfo => Ok(Call::GetOutboundWebIdentityFederationInfo),
        Operation::DisableOutboundWebIdentityFederation => Ok(Call::DisableOutboundWebIdentityFederation),
    };
    call.map_err(|error| Rejected { operation: Some(operation), api: operation.api(), error })
}

fn operation(form: &Form) -> Result<Operation, ApiError> {
    let action = form.get("Action").unwrap_or_default();
    let version = form.get("Version").unwrap_or("NO_VERSION_SPECIFIED");
    Operation::find(action, version).ok_or_else(|| {
        let action: String = action.chars().take(128).collect();
        let version: String = version.chars().take(64).collect();
        ApiError::new(
            ErrorCode::InvalidAction,
            format!("Could not find operation {action} for version {version}"),
        )
    })
}

fn mint(form: &Form) -> Result<Mint, ApiError> {
    let audiences: Vec<String> = form.members("Audience")?.into_values().map(str::to_owned).collect();
    let duration = form.integer("DurationSeconds")?.unwrap_or(300);
    let tags = form.tags()?;

    let mut violations = Violations::default();
    if form.has_list("Audience") {
        violations.items(&audiences, "audience", 1..=10);
    } else {
        violations.missing("audience");
    }
    for (index, audience) in (1..).zip(&audiences) {
        violations.length(audience, &format!("audience.{index}.member"), 1..=1000);
    }
    violations.range(duration, "durationSeconds", 60..=3600);
    let algorithm = algorithm(form, &mut violations);
    let tags = checked_tags(tags, &mut violations);
    violations.check()?;
    refuse_repeated_keys(&tags)?;

    let (Some(algorithm), Ok(duration_seconds)) = (algorithm, u32::try_from(duration)) else {
        return Err(ApiError::usual(ErrorCode::ValidationError));
    };
    Ok(Mint { audiences, duration_seconds, algorithm, tags })
}

fn algorithm(form: &Form, violations: &mut Violations) -> Option<Algorithm> {
    let at = "signingAlgorithm";
    match form.get("SigningAlgorithm") {
        None => violations.missing(at),
        Some("RS256") => return Some(Algorithm::Rs256),
        Some("ES384") => return Some(Algorithm::Es384),
        Some(other) if other.chars().count() == 5 => {
            violations.broken(other, at, "satisfy enum value set: [RS256, ES384]");
        }
        Some(other) => violations.length(other, at, 5..=5),
    }
    None
}

fn assume(form: &Form) -> Result<Assume, ApiError> {
    let duration = form.integer("DurationSeconds")?.unwrap_or(3600);
    let tags = form.tags()?;

    let mut violations = Violations::default();
    let role_arn = required(form, "RoleArn", "roleArn", 20..=2048, &mut violations);
    let session_name = required(form, "RoleSessionName", "roleSessionName", 2..=64, &mut violations);
    violations.name(session_name, "roleSessionName");
    violations.range(duration, "durationSeconds", 900..=43200);
    let source_identity = form.get("SourceIdentity");
    if let Some(identity) = source_identity {
        violations.length(identity, "sourceIdentity", 2..=64);
        violations.name(identity, "sourceIdentity");
    }
    let tags = checked_tags(tags, &mut violations);
    let (role_arn, session_name) = (role_arn.to_owned(), session_name.to_owned());
    violations.check()?;
    refuse_repeated_keys(&tags)?;

    let Ok(duration_seconds) = u32::try_from(duration) else {
        return Err(ApiError::usual(ErrorCode::ValidationError));
    };
    let source_identity = source_identity.map(str::to_owned);
    Ok(Assume { role_arn, session_name, duration_seconds, tags, source_identity })
}

fn assume_with_web_identity(form: &Form) -> Result<AssumeWithWebIdentity, ApiError> {
    let assume = Assume { tags: Vec::new(), source_identity: None, ..assume(form)? };
    let mut violations = Violations::default();
    match form.get("WebIdentityToken") {
        None => violations.missing("webIdentityToken"),
        Some(token) if !(4..=20_000).contains(&token.len()) => {
            violations.broken("redacted", "webIdentityToken", "have length between 4 and 20000");
        }
        Some(_) => {}
    }
    violations.check()?;
    let token = form.get("WebIdentityToken").unwrap_or_default().to_owned();
    Ok(AssumeWithWebIdentity { assume, token })
}

fn required<'a>(
    form: &'a Form,
    name: &str,
    at: &str,
    length: RangeInclusive<usize>,
    violations: &mut Violations,
) -> &'a str {
    match form.get(name) {
        Some(value) => {
            violations.length(value, at, length);
            value
        }
        None => {
            violations.missing(at);
            ""
        }
    }
}

fn checked_tags(found: Vec<FoundTag<'_>>, violations: &mut Violations) -> Vec<(String, String)> {
    let keys: Vec<String> = found.iter().map(|(key, _)| key.unwrap_or_default().to_owned()).collect();
    violations.items(&keys, "tags", 0..=50);
    let mut tags = Vec::with_capacity(found.len());
    for (index, (key, value)) in (1..).zip(found) {
        let (key_at, value_at) = (format!("tags.{index}.member.key"), format!("tags.{index}.member.value"));
        match key {
            Some(key) => {
                violations.length(key, &key_at, 1..=128);
                violations.tag_text(key, &key_at);
            }
            None => violations.missing(&key_at),
        }
        match value {
            Some(value) => {
                violations.length(value, &value_at, 0..=256);
                violations.tag_text(value, &value_at);
            }
            None => violations.missing(&value_at),
        }
        tags.push((key.unwrap_or_default().to_owned(), value.unwrap_or_default().to_owned()));
    }
    tags
}

/// Refuses a tag key that is given twice. Keys ignore case, like session tags.
fn refuse_repeated_keys(tags: &[(String, String)]) -> Result<(), ApiError> {
    let keys: BTreeSet<String> = tags.iter().map(|(key, _)| key.to_lowercase()).collect();
    if keys.len() == tags.len() {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::InvalidParameterValue, "A tag key is given twice; tag keys ignore case"))
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
