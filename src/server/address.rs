//! Where a listener can be reached.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a listener can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// One or more addresses, all with the same port.
    Tcp(Vec<SocketAddr>),
    /// The path of the socket's file; `None` if the socket was passed to attache without one.
    Unix(Option<PathBuf>),
}

impl Address {
    /// The IP addresses with their port; none for a Unix socket.
    pub fn tcp(&self) -> &[SocketAddr] {
        match self {
            Self::Tcp(addresses) => addresses,
            Self::Unix(_) => &[],
        }
    }

    /// Whether all its addresses are loopback addresses. A Unix socket has none.
    pub fn is_loopback(&self) -> bool {
        let mut addresses = self.tcp().iter().map(|address| address.ip().to_canonical());
        !self.tcp().is_empty() && addresses.all(|address| address.is_loopback())
    }
}

/// Shows the address in the syntax of `--listen-addr`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addresses) => {
                let addresses: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
                f.write_str(&addresses.join(", "))
            }
            Self::Unix(Some(path)) => write!(f, "unix:{}", path.display()),
            Self::Unix(None) => f.write_str("unix:"),
        }
    }
}
