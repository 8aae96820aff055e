//! The addresses that callers connect to.

use std::fmt;
use std::path::PathBuf;

/// An address that callers connect to, and how they speak there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// By which routes, logs and the status name it.
    pub name: String,
    /// The address.
    pub listen: ListenAddr,
    /// The files for callers' TLS; `None` for plain HTTP.
    pub tls: Option<TlsFiles>,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// Every interface, IPv4 and IPv6 (`:8080`). Port 0 lets the system choose.
    Every(u16),
    /// One host or address (`127.0.0.1:8080`, `localhost:8080`, `[::1]:8080`).
    One(String, u16),
    /// A Unix socket (`unix:/run/attache.sock`), whose path is short enough for one.
    Unix(PathBuf),
}

/// Shows the address in the syntax of `--listen-addr`.
impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(port) => write!(f, ":{port}"),
            Self::One(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::One(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// PEM files with a certificate chain, its private key and the authorities of callers' certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// `--tls-cert`.
    pub cert: PathBuf,
    /// `--tls-key`.
    pub key: PathBuf,
    /// `--tls-client-ca`: callers must present a certificate issued by one of these authorities. `None`: callers need no
    /// certificate.
    pub client_ca: Option<PathBuf>,
}
