//! Verifies tokens like a third party that trusts one AWS account: with the issuer's URL, and the documents that the
//! issuer publishes there (OpenID Connect Discovery 1.0, RFC 7517).

use crate::http_client::{self, Bounds, HttpClient, HttpError};
use http::StatusCode;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

/// Verifies tokens of one issuer for one audience.
pub(super) struct Verifier {
    issuer: String,
    audience: String,
    client: HttpClient,
    bounds: Bounds,
    keys: Mutex<JwkSet>,
}

/// A verified token.
pub(super) struct Verified {
    /// The algorithm of its signature.
    pub(super) algorithm: Algorithm,
    /// The id of the key that signed it.
    pub(super) key: String,
    /// The claims of the token.
    pub(super) claims: Map<String, Value>,
}

/// Why a token is refused. No message repeats the content of the token.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rejection {
    /// It is no JWT, or has an unknown algorithm.
    #[error("it is no JWT with a known algorithm")]
    NoJwt,
    /// The header has no `kid`.
    #[error("it does not say which key signed it")]
    NoKey,
    /// The issuer does not publish the key.
    #[error("the issuer has no such key")]
    UnknownKey,
    /// The key is neither for RS256 nor for ES384.
    #[error("its key is neither for RS256 nor for ES384")]
    UnsuitableKey,
    /// The algorithm of the token is not the key's.
    #[error("its algorithm does not fit the key")]
    Algorithm,
    /// The signature is another key's, or the token was changed.
    #[error("the signature does not match")]
    Signature,
    /// The token has expired.
    #[error("it has expired")]
    Expired,
    /// The token is another issuer's.
    #[error("it comes from another issuer")]
    ForeignIssuer,
    /// The token is for another audience.
    #[error("it is meant for another audience")]
    Audience,
    /// A claim is missing or malformed.
    #[error("iss, aud or exp is missing or malformed")]
    Claims,
    /// The issuer's keys cannot be fetched.
    #[error("the issuer's keys cannot be had")]
    Issuer(#[from] IssuerError),
}

/// Why the issuer's keys cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssuerError {
    /// The issuer does not answer.
    #[error(transparent)]
    Fetch(#[from] HttpError),
    /// The issuer answers with an error status.
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
    /// Creates a verifier that knows no keys yet. It fetches each document of the issuer within these bounds.
    pub(super) fn new(issuer: &str, audience: &str, client: HttpClient, bounds: Bounds) -> Self {
        let keys = Mutex::new(JwkSet::default());
        Self { issuer: issuer.to_owned(), audience: audience.to_owned(), client, bounds, keys }
    }

    /// Fetches the issuer's keys, and replaces the known ones.
    pub(super) async fn learn_keys(&self) -> Result<(), IssuerError> {
        *self.keys.lock().await = self.published_keys().await?;
        Ok(())
    }

    /// Checks key, algorithm, signature, issuer, audience and expiry. The expiry has a minute's grace for clocks that
    /// differ.
    pub(super) async fn verify(&self, jwt: &str) -> Result<Verified, Rejection> {
        let header = jsonwebtoken::decode_header(jwt).map_err(|_| Rejection::NoJwt)?;
        let kid = header.kid.ok_or(Rejection::NoKey)?;
        let jwk = self.key(&kid).await?;
        // The key decides the algorithm: a token that could choose it would choose the weakest.
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

    /// Finds a key by its id. An unknown key may be new, so the keys are fetched once more.
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
        let answer = self.client.send(http_client::get(url)?, self.bounds).await?;
        match answer.status() {
            StatusCode::OK => serde_json::from_slice(answer.body())
                .map_err(|error| IssuerError::Malformed(url.to_owned(), error)),
            status => Err(IssuerError::Status(url.to_owned(), status)),
        }
    }
}

/// The algorithm for which AWS uses a key of this kind.
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
