//! The claims of a token (IAM user guide, "Understanding token claims").

use super::call::Mint;
use super::sessions::Caller;
use super::unix_seconds::UnixSeconds;
use serde_json::{Map, Value, json};

/// The organization of the account, the same for every token.
const ORGANIZATION: &str = "o-emulator01";
/// The path of the account in its organization.
const ORGANIZATION_PATH: &str = "o-emulator01/r-em01/ou-em01-workload/";

/// Builds the claims of a token for `audiences` from `issued` to `expiry`. Like tokens of AWS, it has no `nbf`.
pub(super) fn claims(
    issuer: &str,
    caller: &Caller,
    request: &Mint,
    audiences: &[String],
    issued: UnixSeconds,
    expiry: UnixSeconds,
) -> Value {
    let audience = match audiences {
        [one] => json!(one),
        several => json!(several),
    };
    json!({
        "iss": issuer,
        "sub": caller.principal.role.to_string(),
        "aud": audience,
        "iat": issued.unix(),
        "exp": expiry.unix(),
        "jti": uuid::Uuid::new_v4().to_string(),
        "https://sts.amazonaws.com/": about_the_caller(caller, request),
    })
}

fn about_the_caller(caller: &Caller, request: &Mint) -> Map<String, Value> {
    let principal = &caller.principal;
    let mut about = Map::new();
    let mut add = |name: &str, value: Value| about.insert(name.to_owned(), value);
    add("aws_account", json!(principal.role.account()));
    add("source_region", json!(caller.region));
    add("org_id", json!(ORGANIZATION));
    add("ou_path", json!([ORGANIZATION_PATH]));
    add("principal_id", json!(principal.role.to_string()));
    if !principal.tags.is_empty() {
        add("principal_tags", json!(principal.tags));
    }
    if let Some(end) = caller.session_end {
        add("original_session_exp", json!(end.rfc3339()));
    }
    if let Some(identity) = &principal.source_identity {
        add("source_identity", json!(identity));
    }
    if !request.tags.is_empty() {
        let tags: Map<String, Value> =
            request.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        add("request_tags", Value::Object(tags));
    }
    about
}
