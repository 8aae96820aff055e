//! What PEM files hold.

/// A certificate and its key, as TLS shows them.
pub mod certified;
/// What files hold that should be PEM.
pub mod content;
/// The validity of a certificate.
pub mod validity;

use crate::clock::{Clock, Rfc3339};
use crate::diagnostics::DiagnosticCode;
use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use content::Content;
use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::time::SystemTime;
use validity::Validity;

/// Why the content of a PEM file cannot be used. The PEM library's own errors quote the file, which may hold a key.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PemError {
    /// All stands on one line.
    #[error("the line breaks of the file are missing: PEM has its BEGIN and END on lines of their own")]
    NoLineBreaks,
    /// A line that begins as a `BEGIN` line does not end as one.
    #[error("a BEGIN line of it is broken")]
    BeginLine,
    /// A section does not end.
    #[error("the END line of a section is missing")]
    NoEnd,
    /// What stands between `BEGIN` and `END` is no base64.
    #[error("the text between BEGIN and END is no base64")]
    Base64,
    /// A section is longer than any certificate or key.
    #[error("a section of it is too long")]
    TooLong,
    /// There is no certificate, but something else.
    #[error("it holds no PEM certificate: {0}")]
    NoCertificate(Content),
    /// There is no private key that can be read without a password, but something else.
    #[error("it holds no unencrypted PEM private key: {0}")]
    NoKey(Content),
    /// A certificate cannot be an authority's.
    #[error("{0}")]
    Authority(rustls::Error),
    /// The library cannot read it, for a reason that only a later version of it has.
    #[error("it cannot be read as PEM")]
    Unreadable,
}

impl PemError {
    /// What the library found wrong, without what it quotes. It finds nothing where there is no `missing` item.
    pub fn of(error: &pem::Error, missing: Self) -> Self {
        match error {
            pem::Error::IllegalSectionStart { line } if is_of_more_lines(line) => Self::NoLineBreaks,
            pem::Error::MissingSectionEnd { end_marker } if is_of_more_lines(end_marker) => {
                Self::NoLineBreaks
            }
            pem::Error::IllegalSectionStart { .. } => Self::BeginLine,
            pem::Error::MissingSectionEnd { .. } => Self::NoEnd,
            pem::Error::Base64Decode(_) => Self::Base64,
            pem::Error::SectionTooLarge => Self::TooLong,
            pem::Error::NoItemsFound => missing,
            pem::Error::Io(_) | _ => Self::Unreadable,
        }
    }
}

/// Whether a line, or the label that was read from it, was several lines before.
fn is_of_more_lines(line: &[u8]) -> bool {
    line.windows(9).any(|part| part == b"-----END ") || line.windows(2).any(|part| part == b"\\n")
}

/// The certificates, at least one.
///
/// # Errors
/// With what is wrong.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let missing = || PemError::NoCertificate(Content::of(pem));
    match CertificateDer::pem_slice_iter(without_mark(pem)).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if chain.is_empty() => Err(missing()),
        Ok(chain) => Ok(chain),
        Err(error) => Err(PemError::of(&error, missing())),
    }
}

/// The first private key.
///
/// # Errors
/// With what is wrong.
pub fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, PemError> {
    PrivateKeyDer::from_pem_slice(without_mark(pem)).map_err(|error| {
        let missing = PemError::NoKey(Content::of(pem));
        // Its headers are no base64, which is what the library finds wrong.
        let is_encrypted = missing == PemError::NoKey(Content::EncryptedKey);
        if is_encrypted { missing } else { PemError::of(&error, missing) }
    })
}

/// The text behind the byte order mark that editors of Windows put before it.
fn without_mark(pem: &[u8]) -> &[u8] {
    pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem)
}

/// Whether the text ends within a section, as a file does that is written at this moment.
fn ends_within_a_section(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    let rest = match text.rsplit_once("-----END ") {
        // The line ends in dashes too.
        Some((_, last)) => match last.split_once("-----") {
            Some((_, rest)) => rest,
            None => return true,
        },
        None => &text,
    };
    let begin = "-----BEGIN ";
    rest.contains(begin) || (5..begin.len()).any(|cut| rest.trim_end().ends_with(begin[..cut].trim_end()))
}

/// Adds the certificates of a bundle, at least one, to those that are trusted. One that cannot be read is left out, so that
/// it does not cost the others, and the log names it.
///
/// # Errors
/// With what is wrong. A bundle that ends within a certificate is not used, because more may follow.
pub fn trust(
    path: &Path,
    pem: &[u8],
    mut add: impl FnMut(CertificateDer<'static>) -> Result<(), rustls::Error>,
) -> Result<(), String> {
    if ends_within_a_section(pem) {
        return Err("it ends within a certificate, so it is incomplete".to_owned());
    }
    let (mut ends, mut problem) = (Vec::new(), None);
    let missing = PemError::NoCertificate(Content::of(pem));
    for (before, certificate) in CertificateDer::pem_slice_iter(without_mark(pem)).enumerate() {
        let outcome = certificate.map_err(|error| PemError::of(&error, missing.clone()));
        let end = outcome.as_ref().ok().and_then(Validity::of).map(|validity| validity.ends);
        match outcome.and_then(|certificate| add(certificate).map_err(PemError::Authority)) {
            Ok(()) => ends.push(end),
            Err(error) => {
                let (file, position) = (path.display(), before + 1);
                let (code, see) =
                    (DiagnosticCode::CertificateSkipped.code(), DiagnosticCode::CertificateSkipped.see());
                tracing::warn!(code, see, %file, position, %error, "a certificate cannot be read and is left out");
                problem.get_or_insert(format!("certificate {position}: {error}"));
            }
        }
    }
    warn_of_expiry(path, &ends);
    match problem {
        _ if !ends.is_empty() => Ok(()),
        Some(problem) => Err(problem),
        None => Err(missing.to_string()),
    }
}

/// Logs that every certificate of a bundle has expired. A system's bundle always holds some that have, and a rotation leaves
/// the old one beside the new one, so one that is valid says that the file is in order.
fn warn_of_expiry(path: &Path, ends: &[Option<SystemTime>]) {
    // An end that cannot be read may be far away.
    let known: Option<Vec<SystemTime>> = ends.iter().copied().collect();
    let Some(last) = known.and_then(|ends| ends.into_iter().max()) else { return };
    if last < Clock::system().now() {
        let (code, see) =
            (DiagnosticCode::CertificateExpired.code(), DiagnosticCode::CertificateExpired.see());
        let (file, not_after) = (path.display(), Rfc3339(last));
        tracing::warn!(code, see, %file, %not_after, "every trusted certificate of a file has expired, and is trusted all the same");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_is_half_written_is_known_by_its_end() {
        let section = "-----BEGIN CERTIFICATE-----\nTUlJRQ==\n-----END CERTIFICATE-----\n";
        for whole in [section, &section.repeat(2), &format!("{section}# a comment\n"), section.trim_end()] {
            assert!(!ends_within_a_section(whole.as_bytes()), "{whole:?}");
        }
        for cut in 5..section.trim_end().len() {
            let text = format!("{section}{}", &section[..cut]);
            assert!(ends_within_a_section(text.as_bytes()), "{text:?}");
        }
    }

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nTUlJRQ==\n-----END PRIVATE KEY-----\n";

    #[test]
    fn what_is_wrong_with_a_file_is_said_without_its_content() {
        for (text, error) in [
            (KEY.replace('\n', ""), PemError::NoLineBreaks),
            (KEY.replace('\n', " "), PemError::NoLineBreaks),
            (KEY.replace('\n', "\\n"), PemError::NoLineBreaks),
            (KEY.replacen("KEY-----", "KEY--", 1), PemError::BeginLine),
            (KEY.replace("-----END", "--END"), PemError::NoEnd),
            (KEY.replace("TUlJ", "%%%%"), PemError::Base64),
            (KEY.replace("PRIVATE", "PUBLIC"), PemError::NoKey(Content::PublicKey)),
            (String::new(), PemError::NoKey(Content::Empty)),
        ] {
            assert_eq!(key(text.as_bytes()).unwrap_err(), error, "{text:?}");
            let missing =
                if let PemError::NoKey(content) = error { PemError::NoCertificate(content) } else { error };
            assert_eq!(certificates(text.as_bytes()).unwrap_err(), missing, "{text:?}");
        }
        assert_eq!(certificates(KEY.as_bytes()), Err(PemError::NoCertificate(Content::PrivateKey)));
    }
}
