//! The authorities that this system trusts: those that it came with, and what `SSL_CERT_FILE` and `SSL_CERT_DIR` add. OpenSSL lets
//! these replace the system's; Go reads the system's directory all the same, so a private authority in the variable leaves
//! AWS and the public internet reachable.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use std::path::Path;

/// Where systems keep their bundle (Go's `crypto/x509`, `root_linux.go`, names the same).
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The certificates, and what could not be read.
pub struct Authorities {
    /// Those that can be an authority's.
    pub certificates: Vec<CertificateDer<'static>>,
    /// Why others are not among them.
    pub errors: Vec<rustls_native_certs::Error>,
}

/// Reads them.
pub fn of_system() -> Authorities {
    let mut found = load_native_certs();
    let bundle = BUNDLES.iter().map(Path::new).find(|path| path.exists());
    let mut system = load_certs_from_paths(bundle, None);
    found.certs.append(&mut system.certs);
    found.certs.sort_unstable_by(|a, b| a.cmp(b));
    found.certs.dedup();
    let mut roots = RootCertStore::empty();
    found.certs.retain(|certificate| roots.add(certificate.clone()).is_ok());
    Authorities { certificates: found.certs, errors: found.errors }
}
