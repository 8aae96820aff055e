//! What a failure of TLS with an upstream means.

use rustls::{AlertDescription, CertificateError, Error, OtherError};
use std::io;

/// The upstream's last word, where it ended the connection with one (RFC 8446, section 6). In TLS 1.3 what it says of
/// attache's certificate comes after the handshake, in place of a response.
pub fn alert(error: &io::Error) -> Option<AlertDescription> {
    match cause(error) {
        Some(Error::AlertReceived(alert)) => Some(*alert),
        Some(_) | None => None,
    }
}

/// What to do about it.
pub fn hint(error: &io::Error) -> &'static str {
    match cause(error) {
        Some(Error::AlertReceived(alert)) => alert_hint(*alert),
        Some(Error::InvalidCertificate(error)) => certificate_hint(error),
        Some(Error::InvalidMessage(_)) => {
            "it seems to speak plain HTTP on this port: --upstream-scheme http, or another port"
        }
        Some(_) | None => "see that it speaks TLS on this port, and which versions and ciphers it takes",
    }
}

/// Whether what failed a handshake came from a party that speaks TLS.
pub fn is_of_tls(error: &io::Error) -> bool {
    cause(error).is_some_and(|error| !matches!(error, Error::InvalidMessage(_)))
}

/// What rustls says, where it was rustls.
pub fn cause(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

fn alert_hint(alert: AlertDescription) -> &'static str {
    let is_of_certificate = matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
    );
    if is_of_certificate {
        return "the upstream wants a certificate of attache's, or another: --upstream-client-cert and --upstream-client-key";
    }
    if alert == AlertDescription::NoApplicationProtocol {
        return "it speaks none of the protocols that attache offers: --upstream-protocol auto offers HTTP/2 and HTTP/1.1";
    }
    if alert == AlertDescription::HandshakeFailure {
        // What TLS 1.2 says of a certificate that is missing, too.
        return "it wants another version or cipher, or a certificate of attache's: --upstream-client-cert";
    }
    "see the upstream's own log for why it ends the connection"
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the errors are another's, and more may come")]
fn certificate_hint(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::UnknownIssuer => {
            "name the authority that signed its certificate: --upstream-ca-cert FILE"
        }
        // What webpki says where an authority of the issuer's name is trusted, and another key has signed.
        CertificateError::BadSignature => {
            "an authority of this name is trusted, and another key has signed: where the authority was made anew, name its present certificate with --upstream-ca-cert FILE"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "name the upstream as its certificate does: --upstream-host. Names count that are subject alternative names (SAN), not a common name (CN)"
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "its certificate has to be renewed where it runs; see this machine's clock too"
        }
        CertificateError::Other(other) if is_ca(other) => {
            "its certificate is marked as one of an authority (CA:TRUE): trust this very certificate with --upstream-ca-cert, or have it made with basicConstraints=CA:FALSE"
        }
        _ => "see which certificate it shows; --upstream-ca-cert adds an authority",
    }
}

/// Whether a certificate is refused because it is marked as an authority's.
pub fn is_ca(error: &OtherError) -> bool {
    matches!(error.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}
