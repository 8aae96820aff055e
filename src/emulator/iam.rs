//! The IAM actions that turn the feature on and off.

use super::answer::Xml;
use super::api_error::{ApiError, ErrorCode};
use super::handle::EmulatorHandle;

/// `EnableOutboundWebIdentityFederation`: the issuer is the same as before.
pub(super) fn enable(handle: &EmulatorHandle) -> Result<Xml, ApiError> {
    if handle.set_federation_enabled(true) {
        return Err(ApiError::usual(ErrorCode::FeatureEnabled));
    }
    Ok(issuer(handle))
}

/// `GetOutboundWebIdentityFederationInfo`.
pub(super) fn info(handle: &EmulatorHandle) -> Result<Xml, ApiError> {
    if !handle.is_federation_enabled() {
        return Err(ApiError::usual(ErrorCode::FeatureDisabled));
    }
    Ok(issuer(handle).text("JwtVendingEnabled", "true"))
}

/// `DisableOutboundWebIdentityFederation`: keys stay published, because tokens already issued stay valid.
pub(super) fn disable(handle: &EmulatorHandle) -> Result<Xml, ApiError> {
    if !handle.set_federation_enabled(false) {
        return Err(ApiError::usual(ErrorCode::FeatureDisabled));
    }
    Ok(Xml::default())
}

fn issuer(handle: &EmulatorHandle) -> Xml {
    Xml::default().text("IssuerIdentifier", handle.issuer())
}
