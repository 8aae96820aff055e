//! What the SDK's errors say, in our words.

use super::access::AwsVariables;
use super::answer_size;
use crate::legible;
use crate::token::aws_code::AwsCode;
use crate::token::error::{self, LONGEST, TokenError};
use crate::token::setup_error::SetupError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use std::error::Error;
use std::io;
use std::iter;
use std::time::Duration;

/// Why a call brought nothing; `patience` is what it could take.
pub(super) fn token_error<E>(error: SdkError<E>, patience: Duration) -> TokenError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let SdkError::ServiceError(service) = &error {
        return refusal(service.err(), service.raw().status().as_u16(), error.request_id());
    }
    if let SdkError::ResponseError(_) = &error {
        let too_long = causes(&error).any(answer_size::is_exceeded);
        return unwell(if too_long {
            "the answer is longer than 1 MiB"
        } else {
            "the answer cannot be read"
        });
    }
    if let SdkError::TimeoutError(_) = &error {
        return TokenError::Unreachable(format!("no answer within {}s", patience.as_secs()));
    }
    // What is left are failures to build or to send the call.
    TokenError::Unreachable(error::chain(&error))
}

fn refusal(error: &impl ProvideErrorMetadata, status: u16, request_id: Option<&str>) -> TokenError {
    match (error.code().and_then(AwsCode::read), status) {
        (Some(code), ..500) => TokenError::Refused {
            code,
            message: said(error),
            request_id: request_id.map(|id| legible::line(id, LONGEST)),
        },
        (code, _) => {
            let named = code.as_ref().map(ToString::to_string).unwrap_or_default();
            TokenError::Unwell { what: format!("status {status} {named}").trim_end().to_owned(), code }
        }
    }
}

pub(super) fn unwell(what: &str) -> TokenError {
    TokenError::Unwell { code: None, what: what.to_owned() }
}

/// Why there are no credentials, as exactly as the environment lets it be told.
pub(super) fn no_credentials(error: &CredentialsError, variables: &AwsVariables) -> SetupError {
    if let Some(refused) = causes(error).find_map(|cause| {
        refused::<AssumeRoleError>(cause).or_else(|| refused::<AssumeRoleWithWebIdentityError>(cause))
    }) {
        return refused;
    }
    if let (Some(file), Some(problem)) = (
        &variables.web_identity_token_file,
        causes(error).find_map(|cause| cause.downcast_ref::<io::Error>()),
    ) {
        return match file.path("AWS_WEB_IDENTITY_TOKEN_FILE") {
            Ok(path) => SetupError::IdentityTokenFile { path: path.to_owned(), problem: problem.to_string() },
            Err(content) => content,
        };
    }
    // The chain lists what it tried, each on a line.
    let what = error::chain(error).lines().map(str::trim).collect::<Vec<_>>().join("; ");
    if !matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
        return SetupError::NoCredentials(what);
    }
    match (variables.has_access_key_id, variables.has_secret_access_key, &variables.profile) {
        (true, false, _) => {
            SetupError::HalfCredentials { set: "AWS_ACCESS_KEY_ID", missing: "AWS_SECRET_ACCESS_KEY" }
        }
        (false, true, _) => {
            SetupError::HalfCredentials { set: "AWS_SECRET_ACCESS_KEY", missing: "AWS_ACCESS_KEY_ID" }
        }
        (_, _, Some(name)) => SetupError::Profile { name: name.clone(), what },
        (_, _, None) => SetupError::NoCredentials(what),
    }
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// What AWS answered where it was asked for credentials.
fn refused<E>(cause: &(dyn Error + 'static)) -> Option<SetupError>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let error = cause.downcast_ref::<SdkError<E>>()?.as_service_error()?;
    let code = AwsCode::read(error.code()?)?;
    Some(SetupError::CredentialsRefused { code, message: said(error) })
}

/// What AWS says about its code, or what answers in its place.
fn said(error: &impl ProvideErrorMetadata) -> String {
    legible::line(error.message().unwrap_or_default(), LONGEST)
}
