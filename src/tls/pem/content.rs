//! What a file holds that should be PEM and is not, as far as its form shows: each has a cure of its own.

/// What was found in place of what was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Content {
    /// Nothing, or blanks.
    #[error("it is empty")]
    Empty,
    /// Text of two bytes a character.
    #[error("it is UTF-16 text: save it as UTF-8")]
    Utf16,
    /// DER (ITU-T X.690), which certificates, keys and PKCS#12 have in common.
    #[error(
        "it is binary (DER or PKCS#12): `openssl x509`, `openssl pkey` or `openssl pkcs12` makes PEM of it"
    )]
    Binary,
    /// A private key that is encrypted, in the form of PKCS#8 or in that of OpenSSL before it.
    #[error("the key in it has a passphrase, which `openssl pkey -in FILE -out NEW` takes away")]
    EncryptedKey,
    /// A private key of OpenSSH.
    #[error("the key in it is in the form of OpenSSH: `ssh-keygen -p -m PKCS8 -f FILE` changes that")]
    OpensshKey,
    /// A private key.
    #[error("it holds a private key: are certificate and key swapped?")]
    PrivateKey,
    /// A certificate.
    #[error("it holds a certificate: are certificate and key swapped?")]
    Certificate,
    /// A certificate under a label of times before RFC 7468.
    #[error(
        "its label is X509 CERTIFICATE, which is read as CERTIFICATE alone: `openssl x509 -in FILE -out NEW` writes that"
    )]
    OldCertificate,
    /// A public key.
    #[error("it holds a public key")]
    PublicKey,
    /// A request for a certificate (PKCS#10).
    #[error("it holds a request for a certificate, and not the certificate that an authority makes of it")]
    CertificateRequest,
    /// Certificates in the form of PKCS#7.
    #[error("it holds PKCS#7: `openssl pkcs7 -print_certs` makes certificates of it")]
    Pkcs7,
    /// A certificate with OpenSSL's own notes on trust.
    #[error(
        "it holds a TRUSTED CERTIFICATE of OpenSSL's own: `openssl x509 -in FILE -out NEW` makes a plain one of it"
    )]
    TrustedCertificate,
    /// PEM whose lines begin with blanks, as those of a value in YAML do.
    #[error("its BEGIN lines have blanks before them: take the blanks at the beginning of each line away")]
    Indented,
    /// A key of a kind that is not used for TLS any more.
    #[error("it holds a key of DSA: RSA from 2048 bits on, ECDSA and Ed25519 can be used")]
    DsaKey,
    /// Anything else.
    #[error("it has no BEGIN line of one")]
    Other,
}

/// What the labels of PEM sections (RFC 7468) say. Labels that others end with come behind them.
const LABELS: [(&str, Content); 11] = [
    ("ENCRYPTED PRIVATE KEY-----", Content::EncryptedKey),
    ("OPENSSH PRIVATE KEY-----", Content::OpensshKey),
    ("DSA PRIVATE KEY-----", Content::DsaKey),
    ("PRIVATE KEY-----", Content::PrivateKey),
    ("PUBLIC KEY-----", Content::PublicKey),
    ("CERTIFICATE REQUEST-----", Content::CertificateRequest),
    ("TRUSTED CERTIFICATE-----", Content::TrustedCertificate),
    ("X509 CERTIFICATE-----", Content::OldCertificate),
    ("CERTIFICATE-----", Content::Certificate),
    ("PKCS7-----", Content::Pkcs7),
    ("CMS-----", Content::Pkcs7),
];
/// A header within a section, in the form of OpenSSL before PKCS#8 (RFC 1421, section 4.6.1.1).
const ENCRYPTED: &str = "Proc-Type: 4,ENCRYPTED";

impl Content {
    /// Judges a file that holds no section of the kind that is looked for.
    pub fn of(file: &[u8]) -> Self {
        if file.trim_ascii().is_empty() {
            return Self::Empty;
        }
        if file.starts_with(b"\xff\xfe") || file.starts_with(b"\xfe\xff") {
            return Self::Utf16;
        }
        let Ok(text) = str::from_utf8(file) else { return Self::Binary };
        if text.contains(ENCRYPTED) {
            return Self::EncryptedKey;
        }
        let begins = |line: &str| {
            let label = line.trim().strip_prefix("-----BEGIN ")?;
            if line.starts_with([' ', '\t']) {
                return Some(Self::Indented);
            }
            LABELS.iter().find(|(end, _)| label.ends_with(end)).map(|(_, content)| *content)
        };
        text.lines().find_map(begins).unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pem_is_known_by_its_form() {
        for (file, content) in [
            (&b""[..], Content::Empty),
            (b" \r\n", Content::Empty),
            (b"\xff\xfe-\0-\0", Content::Utf16),
            (b"\x30\x82\x04\xbd\x02\x01\x00\xff", Content::Binary),
            (b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", Content::EncryptedKey),
            (b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", Content::EncryptedKey),
            (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", Content::OpensshKey),
            (b"text before\r\n-----BEGIN EC PRIVATE KEY-----\r\n", Content::PrivateKey),
            (b"-----BEGIN RSA PUBLIC KEY-----\n", Content::PublicKey),
            (b"-----BEGIN NEW CERTIFICATE REQUEST-----\n", Content::CertificateRequest),
            (b"-----BEGIN TRUSTED CERTIFICATE-----\n", Content::TrustedCertificate),
            (b"-----BEGIN X509 CERTIFICATE-----\n", Content::OldCertificate),
            (b"-----BEGIN PKCS7-----\n", Content::Pkcs7),
            (b"  -----BEGIN CERTIFICATE-----\n  MIIB\n", Content::Indented),
            (b"-----BEGIN DSA PRIVATE KEY-----\n", Content::DsaKey),
            (b"MIIDCTCCAfGgAwIBAgIU", Content::Other),
        ] {
            assert_eq!(Content::of(file), content, "{:?}", String::from_utf8_lossy(file));
        }
    }
}
