//! The options that an emulator starts with.

use super::faults::Faults;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How an emulator starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 lets the system choose. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// Public base URL of the issuer, `http` or `https`, without query. Discovery and JWKS are served at its
    /// path on this emulator. `None` makes it `http://<bound address>/<uuid>`, with loopback in place of an
    /// unspecified address.
    pub issuer: Option<String>,
    /// The account, twelve digits.
    pub account: String,
    /// The role, with its path, of callers whose keys this emulator has not handed out: `path/name`.
    pub role: String,
    /// The region of calls whose signature names none (SigV4A).
    pub region: String,
    /// Whether outbound web identity federation is on.
    pub federation_enabled: bool,
    /// What remains of the session of callers whose keys this emulator has not handed out. `None` means
    /// long-term keys, which have no session.
    pub session: Option<Duration>,
    /// What goes wrong from the start.
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

/// Why [`Options`] were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The account is not twelve digits.
    #[error("the account {0:?} must be twelve digits")]
    Account(String),
    /// The role is not a path and a name.
    #[error(
        "the role {0:?} must be a name of at most 64 letters, digits and +=,.@-_, after an optional path"
    )]
    Role(String),
    /// The region is empty or holds something else than letters, digits and dashes.
    #[error("the region {0:?} must be letters, digits and dashes")]
    Region(String),
    /// The issuer is no URL that this emulator can serve.
    #[error(
        "the issuer {0:?} must be an http or https URL without query, its path of plain segments outside /_emulator"
    )]
    Issuer(String),
}
