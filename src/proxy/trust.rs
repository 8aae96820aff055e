//! Which upstream certificates are trusted: the system's roots, and those that the operator adds. Verification cannot
//! be turned off.

use super::target::Scheme;
use crate::trouble::Trouble;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the trusted certificates cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file of `--upstream-ca-cert` cannot be read, or holds no certificate.
    #[error("--upstream-ca-cert (UPSTREAM_CA_CERT): {} cannot be used: {problem}", path.display())]
    CaCert {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Neither the system nor the operator names a trusted certificate.
    #[error("no trusted certificates were found on this system, so no https upstream could be verified")]
    NoRoots,
}

/// How upstreams of this scheme are verified, HTTP/2 and HTTP/1.1 on offer.
///
/// # Errors
/// When the file cannot be used, or https upstreams leave nothing to trust.
pub fn client_config(scheme: Scheme, ca_cert: Option<&Path>) -> Result<Arc<ClientConfig>, TrustError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(
            code = Trouble::SystemRootsUnreadable.code(),
            see = Trouble::SystemRootsUnreadable.see(),
            %error,
            "a trusted certificate of the system cannot be read"
        );
    }
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = ca_cert {
        add_file(&mut roots, path)
            .map_err(|problem| TrustError::CaCert { path: path.to_owned(), problem })?;
    }
    // A minimal image may have none, and needs none for http.
    if roots.is_empty() && scheme == Scheme::Https {
        return Err(TrustError::NoRoots);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider's cipher suites fit the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let mut found = false;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
        found = true;
    }
    if found { Ok(()) } else { Err("it holds no PEM certificate".to_owned()) }
}
