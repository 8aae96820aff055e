//! A certificate and its key, as TLS shows them.

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, InconsistentKeys};

/// Why a certificate and a key cannot be shown together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PairError {
    /// Nothing can be signed with the key here.
    #[error(
        "its key is of a kind that cannot be used: RSA from 2048 bits on, ECDSA on P-256, P-384 or P-521, and Ed25519 can"
    )]
    KeyKind,
    /// The certificate has no extensions, and so names no host.
    #[error("the certificate is of X.509 version 1: have one of version 3 made, which has extensions")]
    Version,
    /// The key is that of this certificate of the file, counted from 1, and not that of the first.
    #[error("the key is that of certificate {0} of the file, which has to stand first")]
    Order(usize),
    /// The key is another certificate's.
    #[error("the key is not the one that the certificate was made for")]
    Mismatch,
    /// The certificate cannot be read.
    #[error("{0}")]
    Certificate(Error),
}

/// The certificates with the key of the first.
///
/// # Errors
/// When the key is of no use, or not that of the first certificate.
pub fn pair(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, PairError> {
    let key = provider.key_provider.load_private_key(key).map_err(|_| PairError::KeyKind)?;
    let fits = |certificate: &CertificateDer<'static>| {
        CertifiedKey::new(vec![certificate.clone()], key.clone()).keys_match()
    };
    match chain.first().map_or(Ok(()), fits) {
        // A key that cannot tell its public part is taken at its word.
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(CertifiedKey::new(chain, key)),
        Err(Error::InconsistentKeys(_)) => {
            let later = chain.iter().position(|certificate| fits(certificate).is_ok());
            Err(later.map_or(PairError::Mismatch, |before| PairError::Order(before + 1)))
        }
        Err(error) if is_of_version(&error) => Err(PairError::Version),
        Err(error) => Err(PairError::Certificate(error)),
    }
}

/// Whether a certificate is refused for a version without extensions.
fn is_of_version(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(error)) = error else { return false };
    matches!(error.0.downcast_ref(), Some(webpki::Error::UnsupportedCertVersion))
}
