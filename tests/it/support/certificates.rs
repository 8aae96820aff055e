//! A certificate authority of this test's own, and what it certifies.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, ConfigBuilder};
use std::path::PathBuf;
use std::sync::Arc;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A name that no resolver knows.
pub const ELSEWHERE: &str = "api.example.test";

/// An authority, its certificate and pairs for `localhost` in a directory of their own.
pub struct Certificates {
    directory: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Certificates {
    pub fn new(test: &str) -> Self {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
        std::fs::create_dir_all(&directory).unwrap();
        let authority_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key).unwrap();
        let this = Self { directory, issuer: Issuer::new(params, authority_key) };
        std::fs::write(this.path("ca.pem"), authority.pem()).unwrap();
        this.issue("cert.pem", "key.pem");
        this
    }

    /// Another pair that the authority vouches for, at these files.
    pub fn issue(&self, cert: &str, key: &str) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), ELSEWHERE.to_owned()];
        self.sign(CertificateParams::new(names).unwrap(), cert, key);
    }

    /// A pair whose certificate is valid from so many days from now until so many.
    pub fn issue_for_days(&self, days: std::ops::Range<i64>, cert: &str, key: &str) {
        self.issue_for(time::Duration::days(days.start), time::Duration::days(days.end), cert, key);
    }

    /// A pair whose certificate is valid from so long from now until so long.
    pub fn issue_for(&self, begins: time::Duration, ends: time::Duration, cert: &str, key: &str) {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let now = time::OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now + begins, now + ends);
        self.sign(params, cert, key);
    }

    /// A pair whose certificate vouches for itself, as `openssl req -x509` makes them.
    pub fn sign_itself(&self, cert: &str, key: &str) {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pair = KeyPair::generate().unwrap();
        std::fs::write(self.path(cert), params.self_signed(&pair).unwrap().pem()).unwrap();
        std::fs::write(self.path(key), pair.serialize_pem()).unwrap();
    }

    fn sign(&self, params: CertificateParams, cert: &str, key: &str) {
        let pair = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&pair, &self.issuer).unwrap();
        std::fs::write(self.path(cert), certificate.pem()).unwrap();
        std::fs::write(self.path(key), pair.serialize_pem()).unwrap();
    }

    pub fn path(&self, file: &str) -> String {
        self.directory.join(file).to_str().unwrap().to_owned()
    }

    /// Ends TLS with the pair, these protocols on offer.
    pub fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        self.ending(WebPkiClientVerifier::no_client_auth(), protocols)
    }

    /// The same, only for clients that show a certificate of the authority.
    pub fn acceptor_asking(&self, protocols: &[&str]) -> TlsAcceptor {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca.pem")).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        self.ending(verifier.build().unwrap(), protocols)
    }

    fn ending(&self, verifier: Arc<dyn ClientCertVerifier>, protocols: &[&str]) -> TlsAcceptor {
        let chain =
            CertificateDer::pem_file_iter(self.path("cert.pem")).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(self.path("key.pem")).unwrap();
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    /// A caller's side that trusts the authority, these protocols on offer.
    pub fn connector(&self, protocols: &[&str]) -> TlsConnector {
        let mut config = self.caller().with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config).into()
    }

    /// The same, presenting the pair that another authority issued.
    pub fn connector_presenting(&self, other: &Self) -> TlsConnector {
        let chain = vec![CertificateDer::from_pem_file(other.path("cert.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(other.path("key.pem")).unwrap();
        Arc::new(self.caller().with_client_auth_cert(chain, key).unwrap()).into()
    }

    fn caller(&self) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca.pem")).unwrap()).unwrap();
        ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
