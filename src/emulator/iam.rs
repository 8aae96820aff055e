//! The IAM operations that turn outbound federation on and off.

use super::answer::Xml;
use super::api_error::{ApiError, ErrorCode};
use super::handle::EmulatorHandle;

/// Answers `EnableOutboundWebIdentityFederation`. The issuer stays the same as before.
pub(super) fn enable(handle: &EmulatorHandle) -> Result<Xml, ApiError> {
    if handle.set_federation_enabled(true) {
        return Err(ApiError::usual(ErrorCode::FeatureEnabled));
    }
    Ok(issuer(handle))
}

/// Answers `GetOutboundWebIdentityFederationInfo`.
pub(super) fn info(handle: &EmulatorHandle) -> Result<Xml, ApiError> {
    if !handle.is_federation_enabled() {
        return Err(ApiError::usual(ErrorCode::FeatureDisabled));
    }
    Ok(issuer(handle).text("JwtVendingEnabled", "true"))
}

/// Answers `DisableOutboundWebIdentityFederation`. The keys stay published, because issued tokens stay valid.
pub(super) fn disable(handle: &EmulatorHandle) -> Result<Xml, ApiError> {
    if !handle.set_federation_enabled(false) {
        return Err(ApiError::usual(ErrorCode::FeatureDisabled));
    }
    Ok(Xml::default())
}

fn issuer(handle: &EmulatorHandle) -> Xml {
    Xml::default().text("IssuerIdentifier", handle.issuer())
}
