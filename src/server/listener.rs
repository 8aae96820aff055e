//! Bound sockets of either kind, and what happens when accepting fails.

use super::socket_file::{self, SocketFile};
use super::stream::Stream;
use crate::config::ListenAddr;
use crate::config::service_manager::HandedOver;
use crate::trouble::Trouble;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, UnixListener, lookup_host};
use tokio::time::sleep;

/// Connections that the system holds ready while none is accepted.
const BACKLOG: u32 = 1024;
/// How long to wait when the process has run out of something, most likely file descriptors.
const BREATHER: Duration = Duration::from_millis(50);

/// A socket that takes connections. Dropping it closes it, and removes its file where it has one of its own.
pub struct Listener {
    socket: Socket,
    address: Address,
}

enum Socket {
    Tcp(TcpListener),
    /// The file goes first: once the socket is closed, the file's number may be another's.
    Unix {
        _file: Option<SocketFile>,
        listener: UnixListener,
    },
}

/// Where a listener can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Address and port.
    Tcp(SocketAddr),
    /// The socket's file; `None` where it was handed over without one.
    Unix(Option<PathBuf>),
}

impl Address {
    /// Address and port, where it has them.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

/// As `--listen-addr` takes it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(Some(path)) => write!(f, "unix:{}", path.display()),
            Self::Unix(None) => f.write_str("unix:"),
        }
    }
}

/// Why an address cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The system refuses it, or it has no such address.
    #[error(transparent)]
    System(#[from] io::Error),
    /// A process listens on the socket of that path.
    #[error("another process listens on this socket")]
    InUse,
    /// A file is in the way, and is left alone.
    #[error("a file that is no socket is in the way")]
    NotASocket,
    /// A socket is in the way that may not be asked who listens.
    #[error("a socket is in the way, and whether a process listens on it cannot be told")]
    Unclear(#[source] io::Error),
}

impl Listener {
    /// Binds the address.
    ///
    /// # Errors
    /// When it cannot be resolved or is taken, or may not be bound.
    pub async fn bind(address: &ListenAddr) -> Result<Self, BindError> {
        match address {
            // One IPv6 socket hears IPv4 too, except where the machine has no IPv6.
            ListenAddr::Every(port) => Ok(tcp((Ipv6Addr::UNSPECIFIED, *port).into())
                .or_else(|_| tcp((Ipv4Addr::UNSPECIFIED, *port).into()))?),
            ListenAddr::One(host, port) => {
                let mut last_error = io::Error::other("the name has no address");
                for address in lookup_host((host.as_str(), *port)).await? {
                    match tcp(address) {
                        Ok(listener) => return Ok(listener),
                        Err(error) => last_error = error,
                    }
                }
                Err(last_error.into())
            }
            ListenAddr::Unix(path) => {
                let (listener, file) = socket_file::bind(path, BACKLOG).await?;
                let address = Address::Unix(Some(path.clone()));
                Ok(Self { socket: Socket::Unix { _file: Some(file), listener }, address })
            }
        }
    }

    /// Takes over a socket that listens already. Its file, if any, is its maker's to remove.
    ///
    /// # Errors
    /// When the system does not let it be used.
    pub fn adopt(socket: HandedOver) -> io::Result<Self> {
        match socket {
            HandedOver::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                let listener = TcpListener::from_std(listener)?;
                let address = Address::Tcp(listener.local_addr()?);
                Ok(Self { socket: Socket::Tcp(listener), address })
            }
            HandedOver::Unix(listener) => {
                listener.set_nonblocking(true)?;
                let listener = UnixListener::from_std(listener)?;
                let address = Address::Unix(listener.local_addr()?.as_pathname().map(Path::to_owned));
                Ok(Self { socket: Socket::Unix { _file: None, listener }, address })
            }
        }
    }

    /// Where it can be reached.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The next connection, and who called where that has an address. Errors of one connection are its own; for lack of
    /// resources it waits a little.
    pub async fn accept(&self) -> (Stream, Option<IpAddr>) {
        loop {
            match self.accept_one().await {
                Ok(accepted) => return accepted,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(
                        code = Trouble::AcceptFailed.code(),
                        see = Trouble::AcceptFailed.see(),
                        %error,
                        "cannot accept connections"
                    );
                    sleep(BREATHER).await;
                }
            }
        }
    }

    async fn accept_one(&self) -> io::Result<(Stream, Option<IpAddr>)> {
        match &self.socket {
            Socket::Tcp(listener) => {
                listener.accept().await.map(|(stream, caller)| (Stream::Tcp(stream), Some(caller.ip())))
            }
            Socket::Unix { listener, .. } => {
                listener.accept().await.map(|(stream, _)| (Stream::Unix(stream), None))
            }
        }
    }
}

fn tcp(address: SocketAddr) -> io::Result<Listener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    // A restart must not wait for the connections of the run before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = Address::Tcp(listener.local_addr()?);
    Ok(Listener { socket: Socket::Tcp(listener), address })
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
