//! Verifies tokens the way a third party does that trusts one AWS account: with nothing but the issuer's URL, and what the
//! issuer publishes there (OpenID Connect Discovery 1.0, RFC 7517).

use super::fetch::{self, FetchError, Fetcher};
use http::StatusCode;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

/// Trusts one issuer, and takes tokens for one audience.
pub(super) struct Verifier {
    issuer: String,
    audience: String,
    fetcher: Fetcher,
    keys: Mutex<JwkSet>,
}

/// A token that holds.
pub(super) struct Verified {
    /// How it is signed.
    pub(super) algorithm: Algorithm,
    /// The id of the key that signed it.
    pub(super) key: String,
    /// What it says.
    pub(super) claims: Map<String, Value>,
}

/// Why a token is refused. None of the words repeats what the token says.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rejection {
    /// It is something else.
    #[error("it is no JWT with a known algorithm")]
    NoJwt,
    /// Its header has no `kid`.
    #[error("it does not say which key signed it")]
    NoKey,
    /// The issuer does not publish that key.
    #[error("the issuer has no such key")]
    UnknownKey,
    /// The key is neither for RS256 nor for ES384.
    #[error("its key is neither for RS256 nor for ES384")]
    UnsuitableKey,
    /// Its algorithm is not the key's.
    #[error("its algorithm does not fit the key")]
    Algorithm,
    /// Somebody else signed it, or it was changed.
    #[error("the signature does not match")]
    Signature,
    /// It expired.
    #[error("it has expired")]
    Expired,
    /// It is another issuer's.
    #[error("it comes from another issuer")]
    ForeignIssuer,
    /// It is for somebody else.
    #[error("it is meant for another audience")]
    Audience,
    /// A claim is missing or malformed.
    #[error("iss, aud or exp is missing or malformed")]
    Claims,
    /// There is nothing to verify it with.
    #[error("the issuer's keys cannot be had")]
    Issuer(#[from] IssuerError),
}

/// Why the issuer's keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssuerError {
    /// The issuer does not answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The issuer answers, but not with its documents.
    #[error("{0} answered {1}")]
    Status(String, StatusCode),
    /// A document is malformed.
    #[error("{0} cannot be understood")]
    Malformed(String, #[source] serde_json::Error),
    /// The documents are another issuer's.
    #[error("the document is that of another issuer")]
    Foreign,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Verifier {
    /// A verifier that knows no key yet.
    pub(super) fn new(issuer: &str, audience: &str, fetcher: Fetcher) -> Self {
        let keys = Mutex::new(JwkSet::default());
        Self { issuer: issuer.to_owned(), audience: audience.to_owned(), fetcher, keys }
    }

    /// Asks the issuer for its keys, replacing those known.
    pub(super) async fn learn_keys(&self) -> Result<(), IssuerError> {
        *self.keys.lock().await = self.published_keys().await?;
        Ok(())
    }

    /// Checks key, algorithm, signature, issuer, audience and expiry, the last with a minute's grace for clocks that
    /// differ.
    pub(super) async fn verify(&self, jwt: &str) -> Result<Verified, Rejection> {
        let header = jsonwebtoken::decode_header(jwt).map_err(|_| Rejection::NoJwt)?;
        let kid = header.kid.ok_or(Rejection::NoKey)?;
        let jwk = self.key(&kid).await?;
        // The key decides which algorithm counts: a token that could choose would choose the weakest.
        let algorithm = algorithm_of(&jwk).ok_or(Rejection::UnsuitableKey)?;
        let key = DecodingKey::from_jwk(&jwk).map_err(|_| Rejection::UnsuitableKey)?;
        let mut rules = Validation::new(algorithm);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["iss", "aud", "exp"]);
        match jsonwebtoken::decode(jwt, &key, &rules) {
            Ok(token) => Ok(Verified { algorithm, key: kid, claims: token.claims }),
            Err(error) => Err(rejection(error.kind())),
        }
    }

    /// A key by its id. An unknown one may be new, so the issuer is asked once more.
    async fn key(&self, kid: &str) -> Result<Jwk, Rejection> {
        let mut keys = self.keys.lock().await;
        if let Some(key) = keys.find(kid) {
            return Ok(key.clone());
        }
        *keys = self.published_keys().await?;
        keys.find(kid).cloned().ok_or(Rejection::UnknownKey)
    }

    async fn published_keys(&self) -> Result<JwkSet, IssuerError> {
        let discovery: Discovery =
            self.document(&format!("{}/.well-known/openid-configuration", self.issuer)).await?;
        if discovery.issuer != self.issuer {
            return Err(IssuerError::Foreign);
        }
        self.document(&discovery.jwks_uri).await
    }

    async fn document<T: DeserializeOwned>(&self, url: &str) -> Result<T, IssuerError> {
        let answer = self.fetcher.send(fetch::get(url)?).await?;
        match answer.status() {
            StatusCode::OK => serde_json::from_slice(answer.body())
                .map_err(|error| IssuerError::Malformed(url.to_owned(), error)),
            status => Err(IssuerError::Status(url.to_owned(), status)),
        }
    }
}

/// The algorithm that AWS uses a key of this kind for.
fn algorithm_of(key: &Jwk) -> Option<Algorithm> {
    if matches!(key.algorithm, AlgorithmParameters::RSA(_)) {
        return Some(Algorithm::RS256);
    }
    let is_p384 =
        matches!(&key.algorithm, AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384);
    is_p384.then_some(Algorithm::ES384)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library may add kinds, and all others mean the same here"
)]
fn rejection(kind: &ErrorKind) -> Rejection {
    match kind {
        ErrorKind::InvalidAlgorithm => Rejection::Algorithm,
        ErrorKind::InvalidSignature => Rejection::Signature,
        ErrorKind::ExpiredSignature => Rejection::Expired,
        ErrorKind::InvalidIssuer => Rejection::ForeignIssuer,
        ErrorKind::InvalidAudience => Rejection::Audience,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => Rejection::Claims,
        _ => Rejection::NoJwt,
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;
