//! Checks the files of certificates and keys: whether they are readable, match, and are valid for some time.

use super::finding::{Check, Finding};
use crate::cli::format::span;
use crate::clock::Clock;
use crate::config::{Config, TlsFiles};
use crate::diagnostics::DiagnosticCode;
use crate::proxy::trust::{TrustError, UpstreamTls};
use crate::server::tls::{Contents, TlsError, TlsTermination};
use crate::server::validity::Validity;

/// Checks the certificate for callers, and the authorities for upstreams.
pub(super) fn check(config: &Config, clock: Clock) -> Vec<Finding> {
    vec![inbound(config.inbound_tls.as_ref(), clock), upstream(config)]
}

fn inbound(files: Option<&TlsFiles>, clock: Clock) -> Finding {
    let check = Check::Certificate;
    let Some(files) = files else {
        return Finding::skipped(check, "callers use no TLS");
    };
    let termination = Contents::read(files).and_then(|contents| contents.termination());
    match termination {
        Ok(termination) => validity(files, &termination, clock),
        Err(error @ TlsError::Pair(_)) => {
            let next =
                "give the key that the certificate was made for, or have a new certificate made for this key";
            Finding::failed(check, DiagnosticCode::CertificateMismatch, error.to_string(), next)
        }
        Err(error @ (TlsError::Cert { .. } | TlsError::Key { .. } | TlsError::ClientCa { .. })) => {
            let next = "see that the file is there, is PEM, and may be read by the user that attache runs as";
            Finding::failed(check, DiagnosticCode::CertificateUnusable, error.to_string(), next)
        }
    }
}

/// The finding about validity. A chain expires with the first of its certificates.
fn validity(files: &TlsFiles, termination: &TlsTermination, clock: Clock) -> Finding {
    let check = Check::Certificate;
    let path = files.cert.display();
    let validities = termination.chain.iter().filter_map(Validity::of);
    let Some(Validity { begins, ends }) = validities.min_by_key(|validity| validity.ends) else {
        return Finding::ok(check, format!("{path} and its key fit together"));
    };
    let next = "have it renewed; attache notices new files by itself";
    let (now, left) = (clock.now(), clock.until(ends));
    if now < begins {
        let seen = format!("{path} is valid only from {} on", span(clock.until(begins)));
        return Finding::failed(
            check,
            DiagnosticCode::CertificateExpired,
            seen,
            "see that this machine's clock is right",
        );
    }
    if left.is_zero() {
        let ago = span(now.duration_since(ends).unwrap_or_default());
        return Finding::failed(
            check,
            DiagnosticCode::CertificateExpired,
            format!("{path} expired {ago} ago"),
            next,
        );
    }
    let life = ends.duration_since(begins).unwrap_or_default();
    let seen = format!("{path} expires in {}", span(left));
    if left < life / 10 {
        return Finding::warning(check, DiagnosticCode::CertificateExpiring, seen, next);
    }
    Finding::ok(check, format!("{seen}, and its key fits"))
}

fn upstream(config: &Config) -> Finding {
    let check = Check::Trust;
    match UpstreamTls::load(config.routing.scheme(), config.upstream.tls.clone()) {
        Ok(_) => Finding::ok(
            check,
            match &config.upstream.tls.ca_cert {
                Some(path) => format!("the system's authorities, and {}", path.display()),
                None => "the system's authorities".to_owned(),
            },
        ),
        Err(error @ TrustError::ClientPair(_)) => {
            let next = "give the key that the certificate was made for";
            Finding::failed(check, DiagnosticCode::CertificateMismatch, error.to_string(), next)
        }
        Err(
            error
            @ (TrustError::CaCert { .. } | TrustError::ClientCert { .. } | TrustError::ClientKey { .. }),
        ) => {
            let next = "see that the file is there, is PEM, and may be read by the user that attache runs as";
            Finding::failed(check, DiagnosticCode::CertificateUnusable, error.to_string(), next)
        }
        Err(error @ TrustError::NoRoots) => {
            let next = "install ca-certificates, or name a file of authorities: SSL_CERT_FILE";
            Finding::failed(check, DiagnosticCode::RootsMissing, error.to_string(), next)
        }
    }
}
