//! Verifies a JWT as a relying party does that trusts the emulator's issuer for the emulator's role.

use super::error::{Kind, PartyError};
use super::rules::Trust;
use crate::emulator::handle::EmulatorHandle;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value, json};

/// The maximum length of a JWT in bytes.
const MAX_JWT: usize = 16 * 1024;
/// The seconds by which `iat` may be ahead of the party's clock.
const LEEWAY: i64 = 60;

/// A verified JWT.
pub(super) struct Verified {
    /// The subject.
    pub(super) subject: String,
    /// The unique id.
    pub(super) jti: String,
    /// The seconds until it expires, at least 1.
    pub(super) remaining: i64,
}

/// The `jti` that a JWT claims, without a check of anything.
pub(super) fn claimed_jti(jwt: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    claims["jti"].as_str().map(str::to_owned)
}

/// Verifies a JWT: its signature by the published keys of the issuer, then its claims. Single use is another's business.
pub(super) async fn verify(
    handle: &EmulatorHandle,
    trust: &Trust,
    jwt: &str,
) -> Result<Verified, PartyError> {
    if jwt.len() > MAX_JWT {
        return Err(PartyError::new(Kind::TooLarge, format!("the JWT has more than {MAX_JWT} bytes")));
    }
    let claims = signed_claims(handle, trust, jwt).await?;
    check_claims(handle, trust, &claims)
}

async fn signed_claims(
    handle: &EmulatorHandle,
    trust: &Trust,
    jwt: &str,
) -> Result<Map<String, Value>, PartyError> {
    let header = jsonwebtoken::decode_header(jwt)
        .map_err(|_| PartyError::new(Kind::Jwt, "the assertion is no JWT"))?;
    let named = [(Algorithm::RS256, "RS256"), (Algorithm::ES384, "ES384")];
    let algorithm = named.into_iter().find(|(algorithm, _)| *algorithm == header.alg);
    if !algorithm.is_some_and(|(_, name)| trust.algorithms.contains(&name)) {
        let accepted = trust.algorithms.join(" or ");
        return Err(PartyError::new(Kind::Algorithm, format!("the JWT must be signed with {accepted}")));
    }
    let no_key = |text: &str| PartyError::new(Kind::Key, text);
    if handle.faults().documents_down {
        return Err(no_key("the issuer's documents cannot be read"));
    }
    let keys = handle.signer().public_keys().await.map_err(|_| no_key("the issuer has no keys"))?;
    let keys: JwkSet = serde_json::from_value(json!({ "keys": keys }))
        .map_err(|_| no_key("the issuer's keys are malformed"))?;
    let key = header
        .kid
        .and_then(|kid| keys.find(&kid).cloned())
        .ok_or_else(|| no_key("the issuer has no such key"))?;
    let key = DecodingKey::from_jwk(&key).map_err(|_| no_key("the key cannot be used"))?;
    let mut rules = Validation::new(header.alg);
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_aud = false;
    match jsonwebtoken::decode(jwt, &key, &rules) {
        Ok(token) => Ok(token.claims),
        Err(error) if *error.kind() == ErrorKind::InvalidSignature => {
            Err(PartyError::new(Kind::Signature, "the signature does not match"))
        }
        Err(error) if *error.kind() == ErrorKind::InvalidAlgorithm => {
            Err(PartyError::new(Kind::Algorithm, "the algorithm is not the key's"))
        }
        Err(_) => Err(PartyError::new(Kind::Jwt, "the assertion is no JWT")),
    }
}

fn check_claims(
    handle: &EmulatorHandle,
    trust: &Trust,
    claims: &Map<String, Value>,
) -> Result<Verified, PartyError> {
    let claim = |name: &str| claims.get(name).unwrap_or(&Value::Null);
    let time = |name: &str| {
        claim(name).as_i64().ok_or_else(|| PartyError::new(Kind::Jwt, format!("the JWT has no {name}")))
    };
    let now = handle.now().unix();
    let (issued, expiry) = (time("iat")?, time("exp")?);
    if claim("iss") != handle.issuer() {
        return Err(PartyError::new(Kind::Issuer, "the JWT is of an issuer that is not trusted"));
    }
    if !is_for(trust, claim("aud")) {
        return Err(PartyError::new(Kind::Audience, "the JWT is for another audience"));
    }
    if claim("sub") != handle.role().to_string().as_str() {
        return Err(PartyError::new(Kind::Subject, "the JWT is about a subject that is not trusted"));
    }
    if expiry <= now {
        return Err(PartyError::new(Kind::Expired, "the JWT has expired"));
    }
    if issued > now + LEEWAY {
        return Err(PartyError::new(Kind::NotYetValid, "the JWT was issued in the future"));
    }
    if trust.max_life.is_some_and(|limit| expiry - issued > limit) {
        return Err(PartyError::new(Kind::LivesTooLong, "the JWT lives too long"));
    }
    let text = |name: &str| claim(name).as_str().unwrap_or_default().to_owned();
    let (subject, jti) = (text("sub"), text("jti"));
    if trust.single_use && jti.is_empty() {
        return Err(PartyError::new(Kind::Jwt, "the JWT has no jti"));
    }
    Ok(Verified { subject, jti, remaining: expiry - now })
}

fn is_for(trust: &Trust, audience: &Value) -> bool {
    let named: Vec<&str> = match audience {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let accepted = |name: &&str| trust.audiences.contains(name);
    if trust.sole_audience {
        named.len() == 1 && named.iter().all(accepted)
    } else {
        named.iter().any(accepted)
    }
}
