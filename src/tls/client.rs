//! TLS towards upstreams: which authorities are trusted, that is, the system's roots and those that the operator adds,
//! and what attache shows of itself. Verification cannot be turned off.

use super::authorities;
use super::pem::certified::{self, PairError};
use super::pem::content::Content;
use super::pem::{self, Fingerprint, PemError};
use super::side::Side;
use super::verifier::{Trusted, Verifier};
use super::watched::{Made, TlsSource, Watched};
use crate::config::upstream::{UpstreamPair, UpstreamTlsFiles};
use crate::diagnostics::DiagnosticCode;
use crate::input_file;
use crate::model::target::Scheme;
use crate::redact;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::ErrorKind;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// Why TLS towards upstreams cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file of `--upstream-ca-cert` cannot be read, or holds no certificate.
    #[error("--upstream-ca-cert (ATTACHE_UPSTREAM_CA_CERT): {} cannot be used: {problem}", path.display())]
    CaCert {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file of `--upstream-client-cert` cannot be used.
    #[error("--upstream-client-cert (ATTACHE_UPSTREAM_CLIENT_CERT): {} cannot be used: {problem}", path.display())]
    ClientCert {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file of `--upstream-client-key` cannot be used.
    #[error("--upstream-client-key (ATTACHE_UPSTREAM_CLIENT_KEY): {} cannot be used: {problem}", path.display())]
    ClientKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Certificate and key do not belong together.
    #[error("--upstream-client-cert and --upstream-client-key do not fit together: {0}")]
    ClientPair(PairError),
    /// Neither the system nor the operator names a trusted certificate.
    #[error("no trusted certificates were found on this system, so no https upstream could be verified")]
    NoRoots,
}

/// Which protocols a handshake offers (ALPN, RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/2, or else HTTP/1.1.
    Either,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 alone.
    Http2,
}

/// TLS with upstreams.
pub type UpstreamTls = Watched<UpstreamFiles>;

impl UpstreamTls {
    /// Reads the system's authorities and the files, for upstreams of this scheme.
    ///
    /// # Errors
    /// When a file cannot be used, or https upstreams leave nothing to trust.
    pub fn load(scheme: Scheme, files: UpstreamTlsFiles) -> Result<Self, TrustError> {
        Self::new(UpstreamFiles { scheme, files, system: system_roots() })
    }

    /// Begins the TLS of the next connection.
    pub fn connector(&self, alpn: Alpn) -> TlsConnector {
        let mut config = (*self.config()).clone();
        config.alpn_protocols = match alpn {
            Alpn::Either => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Alpn::Http1 => vec![b"http/1.1".to_vec()],
            Alpn::Http2 => vec![b"h2".to_vec()],
        };
        TlsConnector::from(Arc::new(config))
    }
}

/// The files of the operator's authorities and of the certificate that upstreams are shown.
pub struct UpstreamFiles {
    scheme: Scheme,
    files: UpstreamTlsFiles,
    /// The authorities of the system, read once.
    system: Trusted,
}

/// What the files held at one moment.
pub struct Contents {
    ca_cert: Option<Vec<u8>>,
    cert_and_key: Option<(Vec<u8>, Vec<u8>)>,
}

impl TlsSource for UpstreamFiles {
    type Config = ClientConfig;
    type Contents = Contents;
    type Error = TrustError;
    const SIDE: Side = Side::Upstreams;

    fn has_files(&self) -> bool {
        self.files != UpstreamTlsFiles::default()
    }

    fn certificate(&self) -> Option<&Path> {
        self.files.client.as_ref().map(|pair| &*pair.cert)
    }

    fn read(&self) -> Result<Contents, TrustError> {
        let read = |path: &Path| input_file::read(path).map_err(|error| error.to_string());
        let ca_cert = match &self.files.ca_cert {
            Some(path) => Some(read(path).map_err(|problem| ca_cert_error(path, problem))?),
            None => None,
        };
        let cert_and_key = match &self.files.client {
            Some(pair) => {
                let cert = read(&pair.cert).map_err(|problem| client_cert_error(pair, problem))?;
                let key = read(&pair.key).map_err(|problem| client_key_error(pair, problem))?;
                Some((cert, key))
            }
            None => None,
        };
        Ok(Contents { ca_cert, cert_and_key })
    }

    fn fingerprint(contents: &Contents) -> Fingerprint {
        let (cert, key) = contents.cert_and_key.as_ref().map(|(cert, key)| (&**cert, &**key)).unzip();
        Fingerprint::of([contents.ca_cert.as_deref(), cert, key])
    }

    fn make(&self, contents: &Contents) -> Result<Made<ClientConfig>, TrustError> {
        let mut roots = self.system.clone();
        if let (Some(path), Some(pem)) = (&self.files.ca_cert, &contents.ca_cert) {
            pem::trust(path, pem, |authority| roots.add(authority))
                .map_err(|problem| ca_cert_error(path, problem))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider's cipher suites fit the default versions");
        let builder = match Verifier::of_upstreams(roots, provider.clone()) {
            Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
            // A minimal image may trust none, and needs none for http.
            Err(_) if self.scheme == Scheme::Http => builder.with_root_certificates(RootCertStore::empty()),
            Err(_) => return Err(TrustError::NoRoots),
        };
        let (Some(pair), Some((cert, key))) = (&self.files.client, &contents.cert_and_key) else {
            return Ok(Made { config: builder.with_no_client_auth(), chain: Vec::new() });
        };
        let chain = pem::certificates(cert).map_err(|problem| client_cert_error(pair, problem))?;
        let key = pem::key(key).map_err(|problem| client_key_error(pair, problem))?;
        let certified =
            certified::pair(chain.clone(), key, &provider).map_err(|problem| pair_error(pair, problem))?;
        let config = builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        Ok(Made { config, chain })
    }
}

fn system_roots() -> Trusted {
    let mut roots = Trusted::empty();
    let system = authorities::of_system();
    for error in &system.errors {
        let error = match &error.kind {
            ErrorKind::Pem(wrong) => {
                format!("{}: {}", error.context, PemError::of(wrong, PemError::NoCertificate(Content::Other)))
            }
            ErrorKind::Io { .. } | ErrorKind::Os(_) | _ => error.to_string(),
        };
        // It quotes SSL_CERT_FILE, which may hold the content of a file in place of its path.
        let shown = match redact::is_file_content(&error) {
            true => "SSL_CERT_FILE or SSL_CERT_DIR holds the content of a file, and not its path",
            false => &error,
        };
        tracing::warn!(
            code = DiagnosticCode::SystemRootsUnreadable.code(),
            see = DiagnosticCode::SystemRootsUnreadable.see(),
            error = shown,
            "a trusted certificate of the system cannot be read"
        );
    }
    for certificate in system.certificates {
        // What cannot be read there is no fault of the operator's.
        let _ = roots.add(certificate);
    }
    roots
}

fn ca_cert_error(path: &Path, problem: impl Display) -> TrustError {
    TrustError::CaCert { path: path.to_owned(), problem: problem.to_string() }
}

fn client_cert_error(pair: &UpstreamPair, problem: impl Display) -> TrustError {
    TrustError::ClientCert { path: pair.cert.clone(), problem: problem.to_string() }
}

fn pair_error(pair: &UpstreamPair, problem: PairError) -> TrustError {
    match problem {
        PairError::KeyKind => client_key_error(pair, problem),
        PairError::Version | PairError::Certificate(_) => client_cert_error(pair, problem),
        PairError::Order(_) | PairError::Mismatch => TrustError::ClientPair(problem),
    }
}

fn client_key_error(pair: &UpstreamPair, problem: impl Display) -> TrustError {
    TrustError::ClientKey { path: pair.key.clone(), problem: problem.to_string() }
}
