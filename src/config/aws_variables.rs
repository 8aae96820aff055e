//! AWS's variables, as far as attache itself says something about them. The AWS SDK reads them, and its files, too.

use crate::token::sts::access::{AwsVariables, FileVariable};
use std::ffi::OsString;

pub(super) fn read(lookup: &dyn Fn(&str) -> Option<OsString>) -> AwsVariables {
    let text = |name| lookup(name).map(|value| value.to_string_lossy().into_owned());
    let some = |name| text(name).filter(|value| !value.trim().is_empty());
    AwsVariables {
        has_access_key_id: some("AWS_ACCESS_KEY_ID").is_some(),
        has_secret_access_key: some("AWS_SECRET_ACCESS_KEY").or_else(|| some("SECRET_ACCESS_KEY")).is_some(),
        profile: some("AWS_PROFILE"),
        web_identity_token_file: some("AWS_WEB_IDENTITY_TOKEN_FILE").as_deref().map(FileVariable::read),
        has_own_authorities: some("SSL_CERT_FILE").or_else(|| some("SSL_CERT_DIR")).is_some(),
        ca_bundle: some("AWS_CA_BUNDLE").as_deref().map(FileVariable::read),
        sts_endpoint_url: text("AWS_ENDPOINT_URL_STS"),
        endpoint_url: text("AWS_ENDPOINT_URL"),
    }
}
