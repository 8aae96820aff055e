//! Verifies certificates of upstreams and of callers as webpki does, with one thing more: a certificate that is itself trusted
//! needs no trusted issuer, and may be marked as an authority's. `openssl req -x509` marks so what it makes. Other programs take
//! both.

use super::{error, pem};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use std::collections::HashSet;
use std::sync::Arc;

/// Certificates that are trusted.
#[derive(Clone, Debug)]
pub struct Trusted {
    roots: RootCertStore,
    /// See [`pem::sha256`].
    sha256: HashSet<String>,
}

impl Trusted {
    /// None.
    pub fn empty() -> Self {
        Self { roots: RootCertStore::empty(), sha256: HashSet::new() }
    }

    /// Adds one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn add(&mut self, certificate: CertificateDer<'_>) -> Result<(), Error> {
        let sha256 = pem::sha256(&certificate);
        if !self.sha256.contains(&sha256) {
            self.roots.add(certificate)?;
            self.sha256.insert(sha256);
        }
        Ok(())
    }
}

/// Verifies the certificates of one side. `W` is webpki's verifier of that side.
#[derive(Debug)]
pub struct Verifier<W: ?Sized> {
    webpki: Arc<W>,
    /// The trusted certificates, by [`pem::sha256`].
    trusted: HashSet<String>,
}

impl Verifier<WebPkiServerVerifier> {
    /// Verifies upstreams' certificates: trusts these, and those that they signed.
    ///
    /// # Errors
    /// When there are none.
    pub fn of_upstreams(
        trusted: Trusted,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let roots = Arc::new(trusted.roots);
        let webpki = WebPkiServerVerifier::builder_with_provider(roots, provider).build()?;
        Ok(Self { webpki, trusted: trusted.sha256 })
    }
}

impl Verifier<dyn ClientCertVerifier> {
    /// Verifies callers' certificates: trusts these, and those that they signed.
    ///
    /// # Errors
    /// When there are none.
    pub fn of_callers(trusted: Trusted, provider: Arc<CryptoProvider>) -> Result<Self, VerifierBuilderError> {
        let roots = Arc::new(trusted.roots);
        let webpki = WebPkiClientVerifier::builder_with_provider(roots, provider).build()?;
        Ok(Self { webpki, trusted: trusted.sha256 })
    }
}

impl<W: ?Sized> Verifier<W> {
    /// What webpki says of a certificate with this chain. `itself` is asked instead where the certificate is trusted, and refused
    /// because of its issuer or of its mark alone.
    fn judge<T>(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        verify: impl Fn(&[CertificateDer<'_>]) -> Result<T, Error>,
        itself: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let judgement = verify(chain);
        if judgement.is_ok() || !self.trusted.contains(&pem::sha256(certificate)) {
            return judgement;
        }
        // Without a chain, an error of it hides none of the certificate itself.
        match verify(&[]) {
            Err(Error::InvalidCertificate(error)) if is_of_authority(&error) => itself(),
            judgement => judgement,
        }
    }
}

/// The methods of both sides' traits that webpki answers.
macro_rules! signatures_as_webpki_does {
    () => {
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
    };
}

impl ServerCertVerifier for Verifier<WebPkiServerVerifier> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |chain: &[CertificateDer<'_>]| {
            self.webpki.verify_server_cert(end_entity, chain, server_name, ocsp_response, now)
        };
        self.judge(end_entity, intermediates, verify, || {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            Ok(ServerCertVerified::assertion())
        })
    }

    signatures_as_webpki_does!();
}

impl ClientCertVerifier for Verifier<dyn ClientCertVerifier> {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.webpki.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verify = |chain: &[CertificateDer<'_>]| self.webpki.verify_client_cert(end_entity, chain, now);
        self.judge(end_entity, intermediates, verify, || Ok(ClientCertVerified::assertion()))
    }

    signatures_as_webpki_does!();
}

/// Whether a certificate is refused because of its issuer, or of its mark. webpki has looked at its time before.
#[expect(clippy::wildcard_enum_match_arm, reason = "the errors are another's, and more may come")]
fn is_of_authority(error: &CertificateError) -> bool {
    match error {
        // The second is that of an issuer whose name is the certificate's own.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => true,
        CertificateError::Other(cause) => error::is_ca(cause),
        _ => false,
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;
