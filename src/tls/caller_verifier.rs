//! Verifies callers' certificates as webpki does, with one thing more: a certificate that is itself in `--tls-client-ca` needs no
//! issuer there, and may be marked as an authority's.

use super::pem;
use super::verifier::{Trusted, is_of_authority};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use std::collections::HashSet;
use std::sync::Arc;

/// Verifies callers' certificates.
#[derive(Debug)]
pub(super) struct CallerVerifier {
    webpki: Arc<dyn ClientCertVerifier>,
    sha256: HashSet<String>,
}

impl CallerVerifier {
    /// Trusts these certificates, and those that they signed.
    ///
    /// # Errors
    /// When there are none.
    pub(super) fn new(trusted: Trusted, provider: Arc<CryptoProvider>) -> Result<Self, VerifierBuilderError> {
        let (roots, sha256) = trusted.into_parts();
        let webpki = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
        Ok(Self { webpki, sha256 })
    }
}

impl ClientCertVerifier for CallerVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.webpki.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let judgement = self.webpki.verify_client_cert(end_entity, intermediates, now);
        if judgement.is_ok() || !self.sha256.contains(&pem::sha256(end_entity)) {
            return judgement;
        }
        // Without a chain, an error of it hides none of the certificate itself.
        match self.webpki.verify_client_cert(end_entity, &[], now) {
            Err(Error::InvalidCertificate(error)) if is_of_authority(&error) => {
                Ok(ClientCertVerified::assertion())
            }
            judgement => judgement,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}
