//! TLS with callers: reads the files of attache's certificate and of the authorities of callers' certificates.

use super::caller_verifier::CallerVerifier;
use crate::config::TlsFiles;
use crate::input_file;
use crate::pem::certified::{self, PairError};
use crate::pem::{self, Fingerprint};
use crate::proxy::verifier::Trusted;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::sign::SingleCertAndKey;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why callers' TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file cannot be used.
    #[error("--tls-cert (TLS_CERT): {} cannot be used: {problem}", path.display())]
    Cert {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The key file cannot be used.
    #[error("--tls-key (TLS_KEY): {} cannot be used: {problem}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file of the authorities of callers' certificates cannot be used.
    #[error("--tls-client-ca (ATTACHE_TLS_CLIENT_CA): {} cannot be used: {problem}", path.display())]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Certificate and key do not belong together.
    #[error("--tls-cert and --tls-key do not fit together: {0}")]
    Pair(PairError),
}

/// The contents of the files at one moment.
pub struct Contents<'f> {
    files: &'f TlsFiles,
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// The settings that terminate callers' TLS.
pub struct TlsTermination {
    /// The configuration for the next handshake.
    pub config: ServerConfig,
    /// The SHA-256 of the certificate, see [`pem::sha256`].
    pub certificate_sha256: String,
    /// The certificate and its intermediate certificates.
    pub chain: Vec<CertificateDer<'static>>,
}

impl<'f> Contents<'f> {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read(files: &'f TlsFiles) -> Result<Self, TlsError> {
        let read = |path: &Path| input_file::read(path).map_err(|error| error.to_string());
        Ok(Self {
            files,
            cert: read(&files.cert).map_err(|problem| cert_error(files, problem))?,
            key: read(&files.key).map_err(|problem| key_error(files, problem))?,
            client_ca: match &files.client_ca {
                Some(path) => Some(read(path).map_err(|problem| client_ca_error(path, problem))?),
                None => None,
            },
        })
    }

    /// A fingerprint that changes when the contents change.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of([Some(&*self.cert), Some(&*self.key), self.client_ca.as_deref()])
    }

    /// Builds the settings from the contents. HTTP/2 and HTTP/1.1 are offered.
    ///
    /// # Errors
    /// When a file has other contents, or the key does not belong to the certificate.
    pub fn termination(&self) -> Result<TlsTermination, TlsError> {
        let chain = pem::certificates(&self.cert).map_err(|problem| cert_error(self.files, problem))?;
        let key = pem::key(&self.key).map_err(|problem| key_error(self.files, problem))?;
        let certificate_sha256 = chain.first().map(|leaf| pem::sha256(leaf)).unwrap_or_default();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider's cipher suites fit the default versions");
        let builder = match (&self.files.client_ca, &self.client_ca) {
            (Some(path), Some(pem)) => {
                let mut roots = Trusted::empty();
                pem::trust(path, pem, |authority| roots.add(authority))
                    .map_err(|problem| client_ca_error(path, problem))?;
                let verifier = CallerVerifier::new(roots, provider.clone())
                    .map_err(|error| client_ca_error(path, error.to_string()))?;
                builder.with_client_cert_verifier(Arc::new(verifier))
            }
            (None, _) | (_, None) => builder.with_no_client_auth(),
        };
        let pair = certified::pair(chain.clone(), key, &provider)
            .map_err(|problem| pair_error(self.files, problem))?;
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsTermination { config, certificate_sha256, chain })
    }
}

fn cert_error(files: &TlsFiles, problem: impl Display) -> TlsError {
    TlsError::Cert { path: files.cert.clone(), problem: problem.to_string() }
}

fn pair_error(files: &TlsFiles, problem: PairError) -> TlsError {
    match problem {
        PairError::KeyKind => key_error(files, problem),
        PairError::Version | PairError::Certificate(_) => cert_error(files, problem),
        PairError::Order(_) | PairError::Mismatch => TlsError::Pair(problem),
    }
}

fn key_error(files: &TlsFiles, problem: impl Display) -> TlsError {
    TlsError::Key { path: files.key.clone(), problem: problem.to_string() }
}

fn client_ca_error(path: &Path, problem: impl Display) -> TlsError {
    TlsError::ClientCa { path: path.to_owned(), problem: problem.to_string() }
}
