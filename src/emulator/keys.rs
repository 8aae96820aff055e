//! One generation of signing keys: an RSA key for RS256 and a P-384 key for ES384.

use super::call::Algorithm;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The keys `RSA_n` and `EC384_n`.
pub(super) struct SigningKeys {
    generation: usize,
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

impl SigningKeys {
    /// Generates the keys of generation 0. This takes some hundred milliseconds of CPU time, so it must not run on an
    /// async worker.
    pub(super) fn generate() -> Result<Self, Unspecified> {
        Ok(Self {
            generation: 0,
            rsa: RsaKeyPair::generate(KeySize::Rsa2048)?,
            ec: EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)?,
        })
    }

    /// Renumbers the keys as the generation that follows `older`.
    pub(super) fn after(self, older: &Self) -> Self {
        Self { generation: older.generation + 1, ..self }
    }

    /// The id of the key for this algorithm.
    pub(super) fn id(&self, algorithm: Algorithm) -> String {
        match algorithm {
            Algorithm::Rs256 => format!("RSA_{}", self.generation),
            Algorithm::Es384 => format!("EC384_{}", self.generation),
        }
    }

    /// Signs claims into a JWT (RFC 7519).
    pub(super) fn sign(&self, algorithm: Algorithm, claims: &Value) -> Result<String, Unspecified> {
        let header = json!({ "alg": algorithm.name(), "kid": self.id(algorithm), "typ": "JWT" });
        let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match algorithm {
            Algorithm::Rs256 => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature)?;
                signature
            }
            Algorithm::Es384 => self.ec.sign(&random, message.as_bytes())?.as_ref().to_vec(),
        };
        Ok(format!("{message}.{}", encode(signature)))
    }

    /// Both public keys in the form that AWS publishes (RFC 7517): only the EC key has `alg`.
    pub(super) fn public(&self) -> [Value; 2] {
        let rsa = self.rsa.public_key();
        let point = self.ec.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
        [
            json!({
                "kty": "RSA",
                "n": encode(rsa.modulus().big_endian_without_leading_zero()),
                "e": encode(rsa.exponent().big_endian_without_leading_zero()),
                "kid": self.id(Algorithm::Rs256),
                "use": "sig",
            }),
            json!({
                "kty": "EC",
                "crv": "P-384",
                "x": encode(x),
                "y": encode(y),
                "kid": self.id(Algorithm::Es384),
                "use": "sig",
                "alg": "ES384",
            }),
        ]
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
