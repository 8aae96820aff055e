//! A bearer for an audience; knows no HTTP request.

/// The audiences of one token.
pub mod audience_set;

/// How STS signs a token (AWS STS API reference, `GetWebIdentityToken`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
