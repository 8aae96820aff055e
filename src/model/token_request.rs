//! What is asked of STS (AWS STS API reference, `GetWebIdentityToken`).

use super::audience_set::AudienceSet;
use std::time::Duration;

/// How STS signs a token (AWS STS API reference, `GetWebIdentityToken`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; every relying party takes it.
    Rs256,
    /// ECDSA on P-384 with SHA-384; shorter, not taken everywhere.
    Es384,
}

impl SigningAlgorithm {
    /// The name that STS and the JWT header use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es384 => "ES384",
        }
    }
}

/// One token, as it is asked of STS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenRequest {
    /// For which relying parties the token is.
    pub audiences: AudienceSet,
    /// How the token is signed.
    pub algorithm: SigningAlgorithm,
    /// The lifetime asked for, 60 s to 1 h.
    pub lifetime: Duration,
    /// What becomes the token's `request_tags`. Keys are unique.
    pub tags: Vec<(String, String)>,
}
