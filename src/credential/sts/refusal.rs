//! What the SDK's errors say, in our words.

use super::{answer_size, profiles};
use crate::credential::aws_code::AwsCode;
use crate::credential::aws_setting::AwsSetting;
use crate::credential::error::{self, CredentialError, MAX_TEXT_BYTES};
use crate::credential::setup_error::{SetupError, named_path};
use crate::legible;
use crate::model::aws_variables::{AwsVariables, ContainerEndpoint};
use crate::redact;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_http::endpoint::error::ResolveEndpointError;
use http::header::InvalidHeaderValue;
use std::error::Error;
use std::io;
use std::iter;
use std::time::Duration;

/// The most that is kept of a header's value, in bytes.
const MAX_SHOWN_HEADER: usize = 200;

/// Why a call brought nothing; `patience` is what it could take.
pub(super) fn token_error<E>(error: SdkError<E>, patience: Duration) -> CredentialError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let SdkError::ServiceError(service) = &error {
        return refusal(service.err(), service.raw(), error.request_id());
    }
    if let SdkError::ResponseError(_) = &error {
        return match causes(&error).any(answer_size::is_exceeded) {
            true => not_sts("its answer is longer than 1 MiB"),
            false => CredentialError::Unwell { code: None, what: "the answer cannot be read".to_owned() },
        };
    }
    if let SdkError::TimeoutError(_) = &error {
        return CredentialError::Unreachable(format!("no answer within {}s", patience.as_secs()));
    }
    if let Some(problem) = no_endpoint(&error) {
        return problem.into();
    }
    // What is left are failures to build or to send the call.
    CredentialError::Unreachable(error::chain(&error))
}

fn refusal(
    error: &impl ProvideErrorMetadata,
    answer: &HttpResponse,
    request_id: Option<&str>,
) -> CredentialError {
    let status = answer.status().as_u16();
    match (error.code().and_then(AwsCode::read), status) {
        (None, ..500) => CredentialError::NotSts(described(answer)),
        (Some(code), ..500) => CredentialError::Refused {
            code,
            message: said(error),
            request_id: request_id.map(|id| legible::line(id, MAX_TEXT_BYTES)),
        },
        (code, _) => {
            let named = code.as_ref().map(ToString::to_string).unwrap_or_default();
            CredentialError::Unwell { what: format!("status {status} {named}").trim_end().to_owned(), code }
        }
    }
}

/// What tells an answer from one of STS, which has a code wherever it is no success.
fn described(answer: &HttpResponse) -> String {
    let header = |name| answer.headers().get(name).map(|value| legible::line(value, MAX_SHOWN_HEADER));
    let status = format!("it answers {}", answer.status().as_u16());
    match (header("location"), header("content-type")) {
        (Some(place), _) if (300..400).contains(&answer.status().as_u16()) => {
            format!("{status} and redirects to {place}")
        }
        (_, Some(kind)) => format!("{status} with {kind}"),
        (_, None) => format!("{status} without an error code of AWS"),
    }
}

pub(super) fn not_sts(what: &str) -> CredentialError {
    CredentialError::NotSts(what.to_owned())
}

/// Why there are no credentials, as exactly as the environment and AWS's files let it be told.
pub(super) async fn no_credentials(error: &CredentialsError, variables: &AwsVariables) -> SetupError {
    if let Some(known) = causes(error).find_map(|cause| known(cause, variables)) {
        return known;
    }
    if let Some(problem) = file_problem(error) {
        let of_profile = profiles::identity_token_problem(variables).await;
        if let Some(unreadable) = of_profile.or_else(|| unreadable(problem, variables)) {
            return unreadable;
        }
    }
    // The chain lists what it tried, each on a line.
    let what = error::chain(error).lines().map(str::trim).collect::<Vec<_>>().join("; ");
    let was_asked =
        matches!(error, CredentialsError::ProviderError(_) | CredentialsError::ProviderTimedOut(_));
    let files = if was_asked { None } else { profiles::problem(variables).await };
    match (files, error) {
        (Some(problem), _) => problem,
        (None, CredentialsError::CredentialsNotLoaded(_)) => nothing_found(what, variables),
        (None, _) => SetupError::NoCredentials(what),
    }
}

/// Where one cause says it all.
fn known(cause: &(dyn Error + 'static), variables: &AwsVariables) -> Option<SetupError> {
    let wrong = cause.downcast_ref::<SetupError>().cloned();
    wrong
        .or_else(|| no_role::<AssumeRoleError>(cause))
        .or_else(|| no_role::<AssumeRoleWithWebIdentityError>(cause))
        .or_else(|| cause.is::<InvalidHeaderValue>().then(|| unfit_for_header(variables)))
}

/// What keeps a provider from reading its file. An input or output error below a call's is one of the network.
fn file_problem(error: &CredentialsError) -> Option<&io::Error> {
    causes(error).find(|cause| !cause.is::<CredentialsError>())?.downcast_ref()
}

/// A file that a variable names and that a provider could not read. The providers are asked in this order.
fn unreadable(problem: &io::Error, variables: &AwsVariables) -> Option<SetupError> {
    let problem = problem.to_string();
    if let Some(file) = &variables.web_identity_token_file {
        return Some(named_path("AWS_WEB_IDENTITY_TOKEN_FILE", file).map_or_else(
            |content| content,
            |path| {
                let setting = AwsSetting::Variable("AWS_WEB_IDENTITY_TOKEN_FILE");
                SetupError::IdentityTokenFile { setting, path: path.to_owned(), problem }
            },
        ));
    }
    if variables.container_endpoint == ContainerEndpoint::Unset {
        return None;
    }
    let file = variables.container_token_file.as_ref()?;
    Some(named_path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file).map_or_else(
        |content| content,
        |path| SetupError::ContainerTokenFile { path: path.to_owned(), problem },
    ))
}

/// The token that could not be sent in a header.
fn unfit_for_header(variables: &AwsVariables) -> SetupError {
    let variable = match variables.container_token_file {
        Some(_) => "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        None => "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    };
    SetupError::ContainerToken { variable }
}

/// No provider has credentials.
fn nothing_found(what: String, variables: &AwsVariables) -> SetupError {
    match (variables.has_access_key_id, variables.has_secret_access_key, &variables.profile) {
        (true, false, _) => {
            SetupError::HalfCredentials { set: "AWS_ACCESS_KEY_ID", missing: "AWS_SECRET_ACCESS_KEY" }
        }
        (false, true, _) => {
            SetupError::HalfCredentials { set: "AWS_SECRET_ACCESS_KEY", missing: "AWS_ACCESS_KEY_ID" }
        }
        (_, _, Some(name)) => SetupError::Profile { name: redact::shown(name), what },
        (_, _, None) => SetupError::NoCredentials(what),
    }
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// The reason why the SDK makes no endpoint of its settings, where that is what failed.
fn no_endpoint(error: &(dyn Error + 'static)) -> Option<SetupError> {
    let problem = causes(error).find_map(|cause| cause.downcast_ref::<ResolveEndpointError>())?;
    Some(SetupError::NoEndpoint(problem.to_string()))
}

/// Why STS gave no credentials of a role.
fn no_role<E>(cause: &(dyn Error + 'static)) -> Option<SetupError>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let error = cause.downcast_ref::<SdkError<E>>()?;
    if let Some(problem) = no_endpoint(error) {
        return Some(problem);
    }
    if let SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) = error {
        return Some(SetupError::Unreachable(error::chain(error)));
    }
    let SdkError::ServiceError(service) = error else { return None };
    let (error, answer) = (service.err(), service.raw());
    match error.code().and_then(AwsCode::read) {
        Some(code) => Some(SetupError::CredentialsRefused { code, message: said(error) }),
        None if answer.status().as_u16() < 500 => Some(SetupError::NotSts(described(answer))),
        None => None,
    }
}

/// What AWS says about its code, or what answers in its place.
fn said(error: &impl ProvideErrorMetadata) -> String {
    legible::line(error.message().unwrap_or_default(), MAX_TEXT_BYTES)
}
