//! What is asked of STS (AWS STS API reference, `GetWebIdentityToken`).

use std::time::Duration;

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

/// What is asked of STS for every audience set alike.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// How the tokens are signed.
    pub algorithm: SigningAlgorithm,
    /// The life asked for, 60 s to 1 h.
    pub duration: Duration,
    /// What becomes the tokens' `request_tags`.
    pub tags: Vec<(String, String)>,
    /// The bound on all of it, credentials included: `--token-fetch-timeout`.
    pub fetch_timeout: Duration,
}
