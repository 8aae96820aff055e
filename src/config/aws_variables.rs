//! The variables of AWS about which attache reports something. The AWS SDK reads them itself, and its files too.

use crate::model::aws_variables::{AwsVariables, ContainerEndpoint, FileVariable};
use crate::model::flaw::Flaw;
use std::ffi::OsString;

/// The variables that decide about region and credentials.
const TEXTS: [&str; 16] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CA_BUNDLE",
];

pub(super) fn read(lookup: &dyn Fn(&str) -> Option<OsString>) -> AwsVariables {
    let text = |name| lookup(name).map(|value| value.to_string_lossy().into_owned());
    let some = |name| text(name).filter(|value| !value.trim().is_empty());
    let file = |name| some(name).as_deref().map(FileVariable::read);
    AwsVariables {
        has_access_key_id: some("AWS_ACCESS_KEY_ID").is_some(),
        has_secret_access_key: some("AWS_SECRET_ACCESS_KEY").or_else(|| some("SECRET_ACCESS_KEY")).is_some(),
        profile: some("AWS_PROFILE"),
        web_identity_token_file: file("AWS_WEB_IDENTITY_TOKEN_FILE"),
        has_own_authorities: some("SSL_CERT_FILE").or_else(|| some("SSL_CERT_DIR")).is_some(),
        ca_bundle: file("AWS_CA_BUNDLE"),
        sts_endpoint_url: text("AWS_ENDPOINT_URL_STS"),
        endpoint_url: text("AWS_ENDPOINT_URL"),
        config_file: file("AWS_CONFIG_FILE"),
        shared_credentials_file: file("AWS_SHARED_CREDENTIALS_FILE"),
        container_endpoint: ContainerEndpoint::read(
            text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").as_deref(),
            text("AWS_CONTAINER_CREDENTIALS_FULL_URI").as_deref(),
        ),
        container_token_file: file("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        execution_env: text("AWS_EXECUTION_ENV").and_then(|value| unfit_for_header(&value)),
        home: text("HOME").map(Into::into),
        not_utf8: TEXTS.into_iter().find(|name| lookup(name).is_some_and(|value| value.to_str().is_none())),
    }
}

/// The flaw for which a text cannot be a header's value.
fn unfit_for_header(text: &str) -> Option<Flaw> {
    text.contains(|c: char| c.is_control() && c != '\t').then(|| Flaw::of(text)).flatten()
}
