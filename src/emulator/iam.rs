//! The IAM actions that turn the feature on and off.

use super::answer::Xml;
use super::refusal::{ErrorCode, Refusal};
use super::switchboard::Switchboard;

/// `EnableOutboundWebIdentityFederation`: the issuer is the same as before.
pub(super) fn enable(switchboard: &Switchboard) -> Result<Xml, Refusal> {
    if switchboard.set_federation_enabled(true) {
        return Err(Refusal::usual(ErrorCode::FeatureEnabled));
    }
    Ok(issuer(switchboard))
}

/// `GetOutboundWebIdentityFederationInfo`.
pub(super) fn info(switchboard: &Switchboard) -> Result<Xml, Refusal> {
    if !switchboard.is_federation_enabled() {
        return Err(Refusal::usual(ErrorCode::FeatureDisabled));
    }
    Ok(issuer(switchboard).text("JwtVendingEnabled", "true"))
}

/// `DisableOutboundWebIdentityFederation`: keys stay published, because tokens already issued stay valid.
pub(super) fn disable(switchboard: &Switchboard) -> Result<Xml, Refusal> {
    if !switchboard.set_federation_enabled(false) {
        return Err(Refusal::usual(ErrorCode::FeatureDisabled));
    }
    Ok(Xml::default())
}

fn issuer(switchboard: &Switchboard) -> Xml {
    Xml::default().text("IssuerIdentifier", switchboard.issuer())
}
