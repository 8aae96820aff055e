//! The STS operations.

use super::answer::Xml;
use super::api_error::{ApiError, ErrorCode};
use super::call::{Assume, AssumeWithWebIdentity, Mint};
use super::claims;
use super::faults::Faults;
use super::handle::EmulatorHandle;
use super::role::RoleArn;
use super::sessions::{self, Caller, Principal};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The maximum lifetime in seconds of a session that another session starts.
const MAX_CHAINED: u32 = 3600;

/// Answers `GetWebIdentityToken`.
pub(super) async fn mint(handle: &EmulatorHandle, caller: &Caller, request: &Mint) -> Result<Xml, ApiError> {
    let faults = handle.faults();
    authorize(&faults, caller, request)?;
    if !handle.is_federation_enabled() {
        return Err(ApiError::usual(ErrorCode::OutboundWebIdentityFederationDisabledException));
    }
    let now = handle.now();
    sessions::permit(now, request.duration_seconds, caller.session_end)?;

    let expiry = now.plus(i64::from(faults.token_life_seconds.unwrap_or(request.duration_seconds)));
    let audiences = match faults.mint_audience {
        Some(other) => vec![other],
        None => request.audiences.clone(),
    };
    let claimed = expiry.plus(i64::from(faults.exp_offset_seconds));
    let claims = claims::claims(handle.issuer(), caller, request, &audiences, now, claimed);
    let algorithm = faults.mint_algorithm.unwrap_or(request.algorithm);
    let signer = handle.signer();
    let mut token = signer.sign(algorithm, &claims).await?;
    if faults.spoil_signature {
        let other = signer.sign(algorithm, &Value::Null).await?;
        token = with_signature_of(&token, &other);
    }
    Ok(Xml::default().text("WebIdentityToken", &token).text("Expiration", &expiry.rfc3339()))
}

/// Combines the claims of one token with the signature of another.
fn with_signature_of(token: &str, other: &str) -> String {
    let claimed = token.rsplit_once('.').map_or(token, |(claimed, _)| claimed);
    let signature = other.rsplit_once('.').map_or("", |(_, signature)| signature);
    format!("{claimed}.{signature}")
}

/// Applies the denials of the caller's policies.
fn authorize(faults: &Faults, caller: &Caller, request: &Mint) -> Result<(), ApiError> {
    let denied = request.audiences.iter().any(|audience| faults.deny_audiences.contains(audience))
        || faults.deny_duration_above.is_some_and(|limit| request.duration_seconds > limit)
        || faults.deny_algorithm == Some(request.algorithm);
    if denied {
        return Err(access_denied(caller, "sts:GetWebIdentityToken"));
    }
    if faults.deny_tags && !request.tags.is_empty() {
        return Err(access_denied(caller, "sts:TagGetWebIdentityToken"));
    }
    Ok(())
}

fn access_denied(caller: &Caller, action: &str) -> ApiError {
    let who = caller.principal.role.session(&caller.principal.session_name);
    let message = format!(
        "User: {who} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
    );
    ApiError::new(ErrorCode::AccessDenied, message)
}

/// Answers `GetCallerIdentity`.
pub(super) fn caller_identity(caller: &Caller) -> Xml {
    let Principal { role, session_name, .. } = &caller.principal;
    Xml::default()
        .text("Arn", &role.session(session_name))
        .text("UserId", &format!("{}:{session_name}", role.id()))
        .text("Account", role.account())
}

/// Answers `AssumeRole`.
pub(super) fn assume(handle: &EmulatorHandle, caller: &Caller, request: &Assume) -> Result<Xml, ApiError> {
    if caller.is_chained && request.duration_seconds > MAX_CHAINED {
        return Err(ApiError::new(
            ErrorCode::ValidationError,
            "A role assumed by role chaining has a session of at most 1 hour",
        ));
    }
    let inherited = caller.principal.source_identity.clone();
    let mut principal = principal(request)?;
    principal.source_identity = inherited.or(principal.source_identity);
    let source_identity = principal.source_identity.clone();
    let session = hand_out(handle, principal, request.duration_seconds);
    Ok(match source_identity {
        Some(identity) => session.text("SourceIdentity", &identity),
        None => session,
    })
}

/// Answers `AssumeRoleWithWebIdentity`. It accepts any token, and repeats the claims of a JWT.
pub(super) fn assume_with_web_identity(
    handle: &EmulatorHandle,
    request: &AssumeWithWebIdentity,
) -> Result<Xml, ApiError> {
    let claims = payload(&request.token).unwrap_or_default();
    let claim = |name: &str, absent: &str| {
        let value = claims[name].as_str().or_else(|| claims[name][0].as_str());
        value.unwrap_or(absent).to_owned()
    };
    let session = hand_out(handle, principal(&request.assume)?, request.assume.duration_seconds);
    Ok(session
        .text("SubjectFromWebIdentityToken", &claim("sub", "opaque-subject"))
        .text("Provider", &claim("iss", "opaque-provider"))
        .text("Audience", &claim("aud", "opaque-audience")))
}

fn principal(request: &Assume) -> Result<Principal, ApiError> {
    let role = RoleArn::parse(&request.role_arn).ok_or_else(|| {
        let shown: String = request.role_arn.chars().take(200).collect();
        ApiError::new(ErrorCode::ValidationError, format!("{shown} is invalid"))
    })?;
    Ok(Principal {
        role,
        session_name: request.session_name.clone(),
        tags: request.tags.iter().cloned().collect(),
        source_identity: request.source_identity.clone(),
    })
}

fn hand_out(handle: &EmulatorHandle, principal: Principal, duration_seconds: u32) -> Xml {
    let age = handle.faults().session_age_seconds;
    let end = handle.now().plus(i64::from(duration_seconds)).plus(-i64::from(age));
    let access_key_id = format!("ASIA{}", random(16).to_ascii_uppercase());
    let user = Xml::default()
        .text("AssumedRoleId", &format!("{}:{}", principal.role.id(), principal.session_name))
        .text("Arn", &principal.role.session(&principal.session_name));
    let credentials = Xml::default()
        .text("AccessKeyId", &access_key_id)
        .text("SecretAccessKey", &random(40))
        .text("SessionToken", &random(200))
        .text("Expiration", &end.rfc3339());
    handle.hand_out(access_key_id, principal, end);
    Xml::default().nest("Credentials", credentials).nest("AssumedRoleUser", user)
}

fn random(length: usize) -> String {
    (0..length).map(|_| fastrand::alphanumeric()).collect()
}

/// The claims of a JWT, without a check of its signature.
fn payload(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_jwt_has_a_payload() {
        assert_eq!(payload("a.eyJzdWIiOiJ4In0.b").unwrap()["sub"], "x");
        assert_eq!(payload("opaque"), None);
    }
}
