//! TLS with callers: reads the files of attache's certificate and of the authorities of callers' certificates.

use super::pem::certified::{self, PairError};
use super::pem::{self, Fingerprint};
use super::side::Side;
use super::verifier::{Trusted, Verifier};
use super::watched::{Made, TlsSource, Watched};
use crate::config::listener::TlsFiles;
use crate::input_file;
use rustls::ServerConfig;
use rustls::sign::SingleCertAndKey;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

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

/// TLS with callers.
pub type InboundTls = Watched<CallerFiles>;

impl InboundTls {
    /// The acceptor for the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.config().into()
    }
}

/// The files of attache's certificate and of the authorities of callers' certificates.
pub struct CallerFiles(pub TlsFiles);

/// What the files held at one moment.
pub struct Contents {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl TlsSource for CallerFiles {
    type Config = ServerConfig;
    type Contents = Contents;
    type Error = TlsError;
    const SIDE: Side = Side::Callers;

    fn has_files(&self) -> bool {
        true
    }

    fn certificate(&self) -> Option<&Path> {
        Some(&self.0.cert)
    }

    fn read(&self) -> Result<Contents, TlsError> {
        let files = &self.0;
        let read = |path: &Path| input_file::read(path).map_err(|error| error.to_string());
        Ok(Contents {
            cert: read(&files.cert).map_err(|problem| cert_error(files, problem))?,
            key: read(&files.key).map_err(|problem| key_error(files, problem))?,
            client_ca: match &files.client_ca {
                Some(path) => Some(read(path).map_err(|problem| client_ca_error(path, problem))?),
                None => None,
            },
        })
    }

    fn fingerprint(contents: &Contents) -> Fingerprint {
        Fingerprint::of([Some(&*contents.cert), Some(&*contents.key), contents.client_ca.as_deref()])
    }

    /// Makes the settings. HTTP/2 and HTTP/1.1 are offered.
    fn make(&self, contents: &Contents) -> Result<Made<ServerConfig>, TlsError> {
        let files = &self.0;
        let chain = pem::certificates(&contents.cert).map_err(|problem| cert_error(files, problem))?;
        let key = pem::key(&contents.key).map_err(|problem| key_error(files, problem))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider's cipher suites fit the default versions");
        let builder = match (&files.client_ca, &contents.client_ca) {
            (Some(path), Some(pem)) => {
                let mut roots = Trusted::empty();
                pem::trust(path, pem, |authority| roots.add(authority))
                    .map_err(|problem| client_ca_error(path, problem))?;
                let verifier = Verifier::of_callers(roots, provider.clone())
                    .map_err(|error| client_ca_error(path, error.to_string()))?;
                builder.with_client_cert_verifier(Arc::new(verifier))
            }
            (None, _) | (_, None) => builder.with_no_client_auth(),
        };
        let pair =
            certified::pair(chain.clone(), key, &provider).map_err(|problem| pair_error(files, problem))?;
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Made { config, chain })
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
