//! What PEM files hold.

use crate::trouble::Trouble;
use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;

/// The certificates, at least one.
///
/// # Errors
/// With what is wrong.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if chain.is_empty() => Err("it holds no PEM certificate".to_owned()),
        Ok(chain) => Ok(chain),
        Err(error) => Err(error.to_string()),
    }
}

/// The first private key.
///
/// # Errors
/// With what is wrong.
pub fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| error.to_string())
}

/// Adds the certificates of a bundle, at least one, to those that are trusted. One that cannot be read is left out, so that
/// it does not cost the others, and the log names it.
///
/// # Errors
/// With what is wrong.
pub fn trust(
    path: &Path,
    pem: &[u8],
    mut add: impl FnMut(CertificateDer<'static>) -> Result<(), rustls::Error>,
) -> Result<(), String> {
    let (mut added, mut problem) = (0, None);
    for (before, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let outcome = certificate.map_err(|error| error.to_string());
        match outcome.and_then(|certificate| add(certificate).map_err(|error| error.to_string())) {
            Ok(()) => added += 1,
            Err(error) => {
                let (file, position) = (path.display(), before + 1);
                let (code, see) = (Trouble::CertificateSkipped.code(), Trouble::CertificateSkipped.see());
                tracing::warn!(code, see, %file, position, error, "a certificate cannot be read and is left out");
                problem.get_or_insert(format!("certificate {position}: {error}"));
            }
        }
    }
    match problem {
        _ if added > 0 => Ok(()),
        Some(problem) => Err(problem),
        None => Err("it holds no PEM certificate".to_owned()),
    }
}

/// The certificates, at least one, of which each can be an authority's.
///
/// # Errors
/// With what is wrong.
pub fn authorities(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut authorities = Vec::new();
    trust(path, pem, |authority| {
        RootCertStore::empty().add(authority.clone())?;
        authorities.push(authority);
        Ok(())
    })?;
    Ok(authorities)
}

/// Certificates as PEM.
pub fn text(certificates: &[CertificateDer<'_>]) -> String {
    let block = |certificate: &CertificateDer<'_>| {
        let text = STANDARD.encode(certificate);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    };
    certificates.iter().map(block).collect()
}

/// The SHA-256 of a certificate's DER form, in hexadecimal, as `openssl x509 -fingerprint` has it without colons.
pub fn sha256(der: &[u8]) -> String {
    digest(&SHA256, der).as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Tells contents from others without keeping a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The same for the same files with the same contents only.
    pub fn of<'f>(files: impl IntoIterator<Item = Option<&'f [u8]>>) -> Self {
        let mut context = Context::new(&SHA256);
        for file in files {
            context.update(&[u8::from(file.is_some())]);
            let content = file.unwrap_or_default();
            context.update(&content.len().to_le_bytes());
            context.update(content);
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        Self(fingerprint)
    }
}
