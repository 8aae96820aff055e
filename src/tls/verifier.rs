//! Verifies upstreams' certificates as webpki does, with one thing more: a certificate that is itself trusted needs no
//! trusted issuer, and may be marked as an authority's. `openssl req -x509` marks so what it makes. Other programs take both.

use super::{error, pem};
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

    /// The certificates, and their SHA-256 (see [`pem::sha256`]).
    pub fn into_parts(self) -> (RootCertStore, HashSet<String>) {
        (self.roots, self.sha256)
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
        let (roots, sha256) = trusted.into_parts();
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
        let verify =
            |chain| self.webpki.verify_server_cert(end_entity, chain, server_name, ocsp_response, now);
        let judgement = verify(intermediates);
        if judgement.is_ok() || !self.sha256.contains(&pem::sha256(end_entity)) {
            return judgement;
        }
        // Without a chain, an error of it hides none of the certificate itself.
        match verify(&[]) {
            Err(Error::InvalidCertificate(error)) if is_of_authority(&error) => {
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

/// Whether a certificate is refused because of its issuer, or of its mark. webpki has looked at its time before.
#[expect(clippy::wildcard_enum_match_arm, reason = "the errors are another's, and more may come")]
pub fn is_of_authority(error: &CertificateError) -> bool {
    match error {
        // The second is that of an issuer whose name is the certificate's own.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => true,
        CertificateError::Other(cause) => error::is_ca(cause),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
        date_time_ymd,
    };
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

    /// A certificate for `api.example.com` for this use, and the authority that issued it.
    fn issued(until: i32, usage: ExtendedKeyUsagePurpose) -> [CertificateDer<'static>; 2] {
        issued_by("authority", until, usage)
    }

    fn issued_by(name: &str, until: i32, usage: ExtendedKeyUsagePurpose) -> [CertificateDer<'static>; 2] {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, name);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let signed = authority.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(authority, key);
        let mut params = CertificateParams::new(["api.example.com".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(until, 1, 1));
        [params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone(), signed]
    }

    fn verify(trusted: &CertificateDer<'_>, shown: &CertificateDer<'_>, name: &str) -> Result<(), Error> {
        verify_chain(trusted, shown, &[], name)
    }

    fn verify_chain(
        trusted: &CertificateDer<'_>,
        shown: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &str,
    ) -> Result<(), Error> {
        let mut certificates = Trusted::empty();
        certificates.add(trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Verifier::new(certificates, provider).unwrap();
        let name = ServerName::try_from(name).unwrap();
        verifier.verify_server_cert(shown, chain, &name, &[], UnixTime::since_unix_epoch(NOW)).map(|_| ())
    }

    #[test]
    fn a_trusted_certificate_may_be_marked_as_an_authoritys() {
        let certificate = self_signed(2030);
        assert_eq!(verify(&certificate, &certificate, "api.example.com"), Ok(()));
    }

    #[test]
    fn a_trusted_certificate_needs_no_trusted_issuer() {
        let [leaf, authority] = issued(2030, ExtendedKeyUsagePurpose::ServerAuth);
        assert_eq!(verify(&leaf, &leaf, "api.example.com"), Ok(()));
        let [same_name, _] = issued_by("rcgen self signed cert", 2030, ExtendedKeyUsagePurpose::ServerAuth);
        assert_eq!(verify(&same_name, &same_name, "api.example.com"), Ok(()));
        assert_eq!(verify_chain(&leaf, &leaf, &[authority], "api.example.com"), Ok(()));
        let [_, unrelated] = issued(2030, ExtendedKeyUsagePurpose::ServerAuth);
        assert_eq!(verify_chain(&leaf, &leaf, &[unrelated, self_signed(2025)], "api.example.com"), Ok(()));
        let [another, _] = issued(2030, ExtendedKeyUsagePurpose::ServerAuth);
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert_eq!(verify(&leaf, &another, "api.example.com"), Err(unknown));
        let [client, _] = issued(2030, ExtendedKeyUsagePurpose::ClientAuth);
        assert!(verify(&client, &client, "api.example.com").is_err(), "it is for another use");
    }

    #[test]
    fn everything_else_of_it_has_to_hold() {
        let (good, old) = (self_signed(2030), self_signed(2025));
        let is_expired =
            |error| matches!(error, Error::InvalidCertificate(CertificateError::ExpiredContext { .. }));
        let is_of_another = |error| {
            matches!(error, Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }))
        };
        let [leaf, _] = issued(2030, ExtendedKeyUsagePurpose::ServerAuth);
        let [old_leaf, _] = issued(2025, ExtendedKeyUsagePurpose::ServerAuth);
        for (good, old) in [(&good, &old), (&leaf, &old_leaf)] {
            assert!(verify(old, old, "api.example.com").is_err_and(is_expired));
            assert!(verify(good, good, "api.example.org").is_err_and(is_of_another));
        }
        assert!(verify(&good, &self_signed(2030), "api.example.com").is_err(), "the same in all but the key");
    }
}
