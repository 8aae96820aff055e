//! Checks the files of certificates and keys: whether they are readable, match, and are valid for some time.

use super::finding::{Check, Finding};
use crate::cli::format::span;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::listener::{ListenerConfig, TlsFiles};
use crate::config::route::label;
use crate::diagnostics::DiagnosticCode;
use crate::tls::client::{TrustError, UpstreamTls};
use crate::tls::pem::validity::{Phase, Validity};
use crate::tls::server::{CallerFiles, InboundTls, TlsError};
use std::path::Path;

/// Checks the certificate for callers of each listener.
pub(super) fn inbound(listeners: &[ListenerConfig], clock: Clock) -> Vec<Finding> {
    let finding =
        |listener: &ListenerConfig| of_listener(listener.tls.as_ref(), clock).about(label(&listener.name));
    listeners.iter().map(finding).collect()
}

fn of_listener(files: Option<&TlsFiles>, clock: Clock) -> Finding {
    let check = Check::Certificate;
    let Some(files) = files else {
        return Finding::skipped(check, "callers use no TLS");
    };
    match InboundTls::new(CallerFiles(files.clone())) {
        Ok(tls) => {
            let judgement = validity(check, &files.cert, &tls.shown(), clock);
            judgement.map_or_else(|finding| finding, |seen| Finding::ok(check, seen))
        }
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

/// What is seen of a chain that is valid for some time, or the finding that it is not. A chain expires with the first of its
/// certificates.
fn validity(check: Check, file: &Path, chain: &[Validity], clock: Clock) -> Result<String, Finding> {
    let path = file.display();
    let Some(first) = chain.iter().min_by_key(|validity| validity.ends) else {
        return Ok(format!("{path} and its key fit together"));
    };
    let &Validity { begins, ends } = first;
    let next = "have it renewed; attache notices new files by itself";
    let (now, left) = (clock.now(), clock.until(ends));
    if now < begins {
        let seen = format!("{path} is valid only from {} on", span(clock.until(begins)));
        let next = "see that this machine's clock is right";
        return Err(Finding::failed(check, DiagnosticCode::CertificateExpired, seen, next));
    }
    if left.is_zero() {
        let ago = span(now.duration_since(ends).unwrap_or_default());
        let seen = format!("{path} expired {ago} ago");
        return Err(Finding::failed(check, DiagnosticCode::CertificateExpired, seen, next));
    }
    let seen = format!("{path} expires in {}", span(left));
    match first.phase(now) {
        Phase::Valid => Ok(format!("{seen}, and its key fits")),
        Phase::Expiring | Phase::Invalid => {
            Err(Finding::warning(check, DiagnosticCode::CertificateExpiring, seen, next))
        }
    }
}

/// Checks the authorities and the certificate for upstreams of the first route.
pub(super) fn upstream(config: &Config, clock: Clock) -> Finding {
    let check = Check::Trust;
    let route = config.route();
    match UpstreamTls::load(route.routing.scheme(), route.upstream.tls.clone()) {
        Ok(tls) => {
            let authorities = match &route.upstream.tls.ca_cert {
                Some(path) => format!("the system's authorities, and {}", path.display()),
                None => "the system's authorities".to_owned(),
            };
            match &route.upstream.tls.client {
                Some(pair) => validity(check, &pair.cert, &tls.shown(), clock).map_or_else(
                    |finding| finding,
                    |seen| Finding::ok(check, format!("{authorities}; {seen}")),
                ),
                None => Finding::ok(check, authorities),
            }
        }
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
