//! Verifies upstreams' certificates as webpki does, with one thing more: a certificate that is itself trusted may be marked
//! as an authority's. `openssl req -x509` marks so what it makes, and other programs take it.

use super::tls_error;
use crate::pem;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, VerifierBuilderError};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
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

/// Verifies upstreams' certificates.
#[derive(Debug)]
pub struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    sha256: HashSet<String>,
}

impl Verifier {
    /// Trusts these, and whatever they signed.
    ///
    /// # Errors
    /// When there are none.
    pub fn new(trusted: Trusted, provider: Arc<CryptoProvider>) -> Result<Self, VerifierBuilderError> {
        let Trusted { roots, sha256 } = trusted;
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
        Ok(Self { webpki, sha256 })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judgement =
            self.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match judgement {
            // webpki has looked at its time before it looks at this mark.
            Err(Error::InvalidCertificate(CertificateError::Other(cause)))
                if tls_error::is_ca(&cause) && self.sha256.contains(&pem::sha256(end_entity)) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
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

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
    use std::time::Duration;

    /// 2026-01-01
    const NOW: Duration = Duration::from_secs(1_767_225_600);

    /// A self-signed certificate for `api.example.com` that is marked as an authority's.
    fn self_signed(until: i32) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["api.example.com".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(until, 1, 1));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn verify(trusted: &CertificateDer<'_>, shown: &CertificateDer<'_>, name: &str) -> Result<(), Error> {
        let mut certificates = Trusted::empty();
        certificates.add(trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Verifier::new(certificates, provider).unwrap();
        let name = ServerName::try_from(name).unwrap();
        verifier.verify_server_cert(shown, &[], &name, &[], UnixTime::since_unix_epoch(NOW)).map(|_| ())
    }

    #[test]
    fn a_trusted_certificate_may_be_marked_as_an_authoritys() {
        let certificate = self_signed(2030);
        assert_eq!(verify(&certificate, &certificate, "api.example.com"), Ok(()));
    }

    #[test]
    fn everything_else_of_it_has_to_hold() {
        let (good, old) = (self_signed(2030), self_signed(2025));
        let is_expired =
            |error| matches!(error, Error::InvalidCertificate(CertificateError::ExpiredContext { .. }));
        assert!(verify(&old, &old, "api.example.com").is_err_and(is_expired));
        let is_of_another = |error| {
            matches!(error, Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }))
        };
        assert!(verify(&good, &good, "api.example.org").is_err_and(is_of_another));
        assert!(verify(&good, &self_signed(2030), "api.example.com").is_err(), "the same in all but the key");
    }
}
