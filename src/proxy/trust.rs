//! TLS towards upstreams: which authorities are trusted, that is, the system's roots and those that the operator adds,
//! and what attache shows of itself. Verification cannot be turned off.

use super::verifier::{Trusted, Verifier};
use crate::authorities;
use crate::config::upstream::{UpstreamPair, UpstreamTlsFiles};
use crate::diagnostics::DiagnosticCode;
use crate::expiry::Expiry;
use crate::input_file;
use crate::model::target::Scheme;
use crate::pem::certified::{self, PairError};
use crate::pem::content::Content;
use crate::pem::validity::Validity;
use crate::pem::{self, Fingerprint, PemError};
use crate::redact;
use crate::reload::{self, Found, Reload, Side};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::ErrorKind;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;
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
pub enum Offer {
    /// HTTP/2, or else HTTP/1.1.
    Either,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 alone.
    Http2,
}

/// TLS towards upstreams. What its files were last good with serves the next handshake.
pub struct UpstreamTls {
    scheme: Scheme,
    files: UpstreamTlsFiles,
    /// Those of the system, read once.
    system: Trusted,
    current: RwLock<Current>,
    expiry: Expiry,
}

struct Current {
    config: Arc<ClientConfig>,
    fingerprint: Fingerprint,
    /// Of the certificate that upstreams are shown, and its chain.
    chain: Vec<Validity>,
}

impl UpstreamTls {
    /// Reads the system's roots and the files, for upstreams of this scheme.
    ///
    /// # Errors
    /// When a file cannot be used, or https upstreams leave nothing to trust.
    pub fn load(scheme: Scheme, files: UpstreamTlsFiles) -> Result<Self, TrustError> {
        let system = system_roots();
        let contents = Contents::read(&files)?;
        let fingerprint = contents.fingerprint();
        let Made { config, chain, .. } = contents.make(scheme, &system)?;
        let current = RwLock::new(Current { config: Arc::new(config), fingerprint, chain });
        let this = Self { scheme, files, system, current, expiry: Expiry::of(Side::Upstreams) };
        this.look_at_validity();
        Ok(this)
    }

    /// The periods in which the certificates are valid that upstreams are shown.
    pub fn shown(&self) -> Vec<Validity> {
        self.current.read().expect("nothing panics while holding this lock").chain.clone()
    }

    /// Begins the TLS of the next connection.
    pub fn connector(&self, offer: Offer) -> TlsConnector {
        let current = self.current.read().expect("nothing panics while holding this lock").config.clone();
        let mut config = (*current).clone();
        config.alpn_protocols = match offer {
            Offer::Either => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Offer::Http1 => vec![b"http/1.1".to_vec()],
            Offer::Http2 => vec![b"h2".to_vec()],
        };
        TlsConnector::from(Arc::new(config))
    }

    /// Looks at the files every so often, and when asked to, for ever. Without any there is nothing to do.
    pub async fn follow(self: Arc<Self>, every: Duration, reload: Reload) {
        if self.files != UpstreamTlsFiles::default() {
            reload::follow(Side::Upstreams, move || self.look(), every, reload).await;
        }
    }

    /// Looks at the files, and at the validity of what is in use after that.
    fn look(&self) -> Result<Found, TrustError> {
        let found = self.reload_if_changed();
        self.look_at_validity();
        found
    }

    fn look_at_validity(&self) {
        if let Some(pair) = &self.files.client {
            self.expiry.look(&pair.cert, &self.shown());
        }
    }

    /// Replaces what is in use when the files hold something else that can be used.
    fn reload_if_changed(&self) -> Result<Found, TrustError> {
        let contents = Contents::read(&self.files)?;
        let fingerprint = contents.fingerprint();
        if self.current.read().expect("nothing panics while holding this lock").fingerprint == fingerprint {
            return Ok(Found::Same);
        }
        let Made { config, certificate_sha256, chain } = contents.make(self.scheme, &self.system)?;
        // With it goes the memory of sessions, so none is resumed that another certificate began.
        let new = Current { config: Arc::new(config), fingerprint, chain };
        *self.current.write().expect("nothing panics while holding this lock") = new;
        Ok(Found::New { certificate_sha256 })
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

/// What the files held at one moment.
struct Contents<'f> {
    ca_cert: Option<(&'f Path, Vec<u8>)>,
    client: Option<(&'f UpstreamPair, Vec<u8>, Vec<u8>)>,
}

struct Made {
    config: ClientConfig,
    certificate_sha256: Option<String>,
    chain: Vec<Validity>,
}

impl<'f> Contents<'f> {
    fn read(files: &'f UpstreamTlsFiles) -> Result<Self, TrustError> {
        let read = |path: &Path| input_file::read(path).map_err(|error| error.to_string());
        let ca_cert = match &files.ca_cert {
            Some(path) => Some((&**path, read(path).map_err(|problem| ca_cert_error(path, problem))?)),
            None => None,
        };
        let client = match &files.client {
            Some(pair) => {
                let cert = read(&pair.cert).map_err(|problem| client_cert_error(pair, problem))?;
                let key = read(&pair.key).map_err(|problem| client_key_error(pair, problem))?;
                Some((pair, cert, key))
            }
            None => None,
        };
        Ok(Self { ca_cert, client })
    }

    fn fingerprint(&self) -> Fingerprint {
        let ca_cert = self.ca_cert.as_ref().map(|(_, pem)| &**pem);
        let (cert, key) = self.client.as_ref().map(|(_, cert, key)| (&**cert, &**key)).unzip();
        Fingerprint::of([ca_cert, cert, key])
    }

    fn make(&self, scheme: Scheme, system: &Trusted) -> Result<Made, TrustError> {
        let mut roots = system.clone();
        if let Some((path, pem)) = &self.ca_cert {
            pem::trust(path, pem, |authority| roots.add(authority))
                .map_err(|problem| ca_cert_error(path, problem))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider's cipher suites fit the default versions");
        let builder = match Verifier::new(roots, provider.clone()) {
            Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
            // A minimal image may trust none, and needs none for http.
            Err(_) if scheme == Scheme::Http => builder.with_root_certificates(RootCertStore::empty()),
            Err(_) => return Err(TrustError::NoRoots),
        };
        let Some((pair, cert, key)) = &self.client else {
            let config = builder.with_no_client_auth();
            return Ok(Made { config, certificate_sha256: None, chain: Vec::new() });
        };
        let chain = pem::certificates(cert).map_err(|problem| client_cert_error(pair, problem))?;
        let key = pem::key(key).map_err(|problem| client_key_error(pair, problem))?;
        let certificate_sha256 = chain.first().map(|leaf| pem::sha256(leaf));
        let validities = Validity::of_chain(&chain);
        let certified =
            certified::pair(chain, key, &provider).map_err(|problem| pair_error(pair, problem))?;
        let config = builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        Ok(Made { config, certificate_sha256, chain: validities })
    }
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
