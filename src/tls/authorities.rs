//! The authorities that this system trusts: those that it came with, and what `SSL_CERT_FILE` and `SSL_CERT_DIR` add. OpenSSL lets
//! these replace the system's; Go reads the system's directory all the same, so a private authority in the variable leaves
//! AWS and the public internet reachable.

use crate::input_file;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::{CertificateResult, Error, ErrorKind, load_certs_from_paths, load_native_certs};
use std::env;
use std::io;
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
    let mut found = of_environment();
    let bundle = BUNDLES.iter().map(Path::new).find(|path| path.exists());
    let mut system = load_certs_from_paths(bundle, None);
    found.certs.append(&mut system.certs);
    found.certs.sort_unstable_by(|a, b| a.cmp(b));
    found.certs.dedup();
    let mut roots = RootCertStore::empty();
    found.certs.retain(|certificate| roots.add(certificate.clone()).is_ok());
    Authorities { certificates: found.certs, errors: found.errors }
}

/// Those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, or of the system where neither is set. The library reads only regular files of a
/// directory, but whatever the file is, so that is checked first.
#[expect(
    clippy::disallowed_methods,
    reason = "the library that finds certificates reads the same variables by itself"
)]
fn of_environment() -> CertificateResult {
    let Some(file) = env::var_os("SSL_CERT_FILE") else { return load_native_certs() };
    let Err(error) = input_file::check(Path::new(&file)) else { return load_native_certs() };
    let mut found = CertificateResult::default();
    for directory in env::split_paths(&env::var_os("SSL_CERT_DIR").unwrap_or_default()) {
        if !directory.as_os_str().is_empty() {
            let more = load_certs_from_paths(None, Some(&directory));
            found.certs.extend(more.certs);
            found.errors.extend(more.errors);
        }
    }
    let kind = ErrorKind::Io { inner: io::Error::other(error), path: file.into() };
    found.errors.push(Error { context: "SSL_CERT_FILE cannot be used", kind });
    found
}
