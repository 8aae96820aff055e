//! The options that an emulator starts with.

use super::faults::Faults;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The options that an emulator starts with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 lets the system choose. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// The public base URL of the issuer, `http` or `https`, without a query. The discovery document and the key set
    /// are served at its path on this emulator. `None` makes it `http://<bound address>/<uuid>`, with loopback in place
    /// of an unspecified address.
    pub issuer: Option<String>,
    /// The account number, twelve digits.
    pub account: String,
    /// The role of callers with a key that this emulator has not issued, with its path: `path/name`.
    pub role: String,
    /// The region of calls with a signature that names none (SigV4A).
    pub region: String,
    /// Whether outbound web identity federation is on.
    pub federation_enabled: bool,
    /// The remaining time of the session of callers with a key that this emulator has not issued. `None` means
    /// long-term keys, which have no session.
    pub session: Option<Duration>,
    /// The faults in force from the start.
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            issuer: None,
            account: "123456789012".to_owned(),
            role: "demo/attache".to_owned(),
            region: "us-east-1".to_owned(),
            federation_enabled: true,
            session: None,
            faults: Faults::default(),
        }
    }
}

/// Why [`Options`] are invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The account is not twelve digits.
    #[error("the account {0:?} must be twelve digits")]
    Account(String),
    /// The role is not a name with an optional path.
    #[error(
        "the role {0:?} must be a name of at most 64 letters, digits and +=,.@-_, after an optional path"
    )]
    Role(String),
    /// The region is empty, or has characters other than letters, digits and dashes.
    #[error("the region {0:?} must be letters, digits and dashes")]
    Region(String),
    /// The issuer is not a URL that this emulator can serve.
    #[error(
        "the issuer {0:?} must be an http or https URL without query, its path of plain segments outside /_emulator and /parties"
    )]
    Issuer(String),
}
