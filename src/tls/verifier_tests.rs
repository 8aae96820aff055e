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
    let verifier = Verifier::of_upstreams(certificates, provider).unwrap();
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
    let is_of_another =
        |error| matches!(error, Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }));
    let [leaf, _] = issued(2030, ExtendedKeyUsagePurpose::ServerAuth);
    let [old_leaf, _] = issued(2025, ExtendedKeyUsagePurpose::ServerAuth);
    for (good, old) in [(&good, &old), (&leaf, &old_leaf)] {
        assert!(verify(old, old, "api.example.com").is_err_and(is_expired));
        assert!(verify(good, good, "api.example.org").is_err_and(is_of_another));
    }
    assert!(verify(&good, &self_signed(2030), "api.example.com").is_err(), "the same in all but the key");
}
