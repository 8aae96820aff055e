//! Bound sockets of either kind, and what happens when accepting fails.
//!
//! A name is listened on at each of its addresses that this machine has: `localhost` may stand for `127.0.0.1` and `::1`,
//! and programs connect to either.

use super::episode::{self, Episode};
use super::socket_file::{self, SocketFile};
use super::stream::Stream;
use crate::config::ListenAddr;
use crate::config::service_manager::HandedOver;
use crate::diagnostics::DiagnosticCode;
use crate::keepalive;
use rustix::io::Errno;
use rustix::net::sockopt::set_ipv6_v6only;
use std::collections::BTreeSet;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, lookup_host};
use tokio::time::sleep;

/// Connections that the system holds ready while none is accepted.
const BACKLOG: u32 = 1024;
/// How long to wait when the process has run out of something, most likely file descriptors.
const BREATHER: Duration = Duration::from_millis(50);
/// How many ports the system is asked for until one is free at every address of a name.
const MAX_PORT_CHOICES: usize = 16;

/// A socket that takes connections. Dropping it closes it, and removes its file where it has one of its own.
pub struct Listener {
    socket: Socket,
    address: Address,
    failures: Mutex<Episode>,
}

enum Socket {
    /// One for each address of a name, at least one.
    Tcp(Vec<TcpListener>),
    /// The file goes first: once the socket is closed, the file's number may be another's.
    Unix { _file: Option<SocketFile>, listener: UnixListener },
}

/// Where a listener can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Addresses, at least one, all with the same port.
    Tcp(Vec<SocketAddr>),
    /// The socket's file; `None` where it was handed over without one.
    Unix(Option<PathBuf>),
}

impl Address {
    /// Addresses and port, where it has them.
    pub fn tcp(&self) -> &[SocketAddr] {
        match self {
            Self::Tcp(addresses) => addresses,
            Self::Unix(_) => &[],
        }
    }

    /// Whether only programs of this machine can reach it, by an address.
    pub fn is_loopback(&self) -> bool {
        let mut addresses = self.tcp().iter().map(|address| address.ip().to_canonical());
        !self.tcp().is_empty() && addresses.all(|address| address.is_loopback())
    }
}

/// As `--listen-addr` takes it.
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
            ListenAddr::Every(port) => {
                let socket = match tcp((Ipv6Addr::UNSPECIFIED, *port).into()) {
                    Err(error) if is_absent(&error) => tcp((Ipv4Addr::UNSPECIFIED, *port).into()),
                    outcome => outcome,
                };
                Ok(Self::of_tcp(vec![socket?])?)
            }
            ListenAddr::One(host, port) => {
                // In order, so IPv4 first, and none twice.
                let addresses: BTreeSet<SocketAddr> = lookup_host((host.as_str(), *port)).await?.collect();
                Ok(Self::of_tcp(each(&addresses)?)?)
            }
            ListenAddr::Unix(path) => {
                let (listener, file) = socket_file::bind(path, BACKLOG).await?;
                let address = Address::Unix(Some(path.clone()));
                Ok(Self {
                    socket: Socket::Unix { _file: Some(file), listener },
                    address,
                    failures: Mutex::default(),
                })
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
                keepalive::enable(&listener)?;
                Self::of_tcp(vec![TcpListener::from_std(listener)?])
            }
            HandedOver::Unix(listener) => {
                listener.set_nonblocking(true)?;
                let listener = UnixListener::from_std(listener)?;
                let address = Address::Unix(listener.local_addr()?.as_pathname().map(Path::to_owned));
                Ok(Self {
                    socket: Socket::Unix { _file: None, listener },
                    address,
                    failures: Mutex::default(),
                })
            }
        }
    }

    fn of_tcp(sockets: Vec<TcpListener>) -> io::Result<Self> {
        let addresses = sockets.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        Ok(Self {
            socket: Socket::Tcp(sockets),
            address: Address::Tcp(addresses),
            failures: Mutex::default(),
        })
    }

    /// Where it can be reached.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The next connection, and who called where that has an address. Errors of one connection are its own; for lack of
    /// resources it waits a little.
    pub async fn accept(&self) -> (Stream, Option<IpAddr>) {
        loop {
            let over = self.failures().end();
            let accepted = tokio::select! {
                accepted = self.accept_one() => accepted,
                () = episode::at(over) => {
                    let failed = self.failures().finish();
                    tracing::info!(address = %self.address, failed, "connections are accepted again");
                    continue;
                }
            };
            match accepted {
                Ok(accepted) => return accepted,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    self.failed(&error);
                    sleep(BREATHER).await;
                }
            }
        }
    }

    fn failed(&self, error: &io::Error) {
        if self.failures().happened() {
            tracing::error!(
                code = DiagnosticCode::AcceptFailed.code(),
                see = DiagnosticCode::AcceptFailed.see(),
                address = %self.address,
                %error,
                "cannot accept connections"
            );
        }
    }

    fn failures(&self) -> MutexGuard<'_, Episode> {
        self.failures.lock().expect("nothing panics while holding this lock")
    }

    async fn accept_one(&self) -> io::Result<(Stream, Option<IpAddr>)> {
        match &self.socket {
            Socket::Tcp(sockets) => {
                let (stream, caller) = poll_fn(|context| poll_accept(sockets, context)).await?;
                Ok((Stream::Tcp(stream), Some(caller.ip())))
            }
            Socket::Unix { listener, .. } => {
                listener.accept().await.map(|(stream, _)| (Stream::Unix(stream), None))
            }
        }
    }
}

/// The next connection of any of these, each as likely to be asked first as the others.
fn poll_accept(
    sockets: &[TcpListener],
    context: &mut Context<'_>,
) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
    let (before, after) = sockets.split_at(fastrand::usize(..sockets.len()));
    for socket in after.iter().chain(before) {
        if let accepted @ Poll::Ready(_) = socket.poll_accept(context) {
            return accepted;
        }
    }
    Poll::Pending
}

/// Listens on each of these addresses, which have the same port. Port 0 becomes the same port everywhere.
fn each(addresses: &BTreeSet<SocketAddr>) -> io::Result<Vec<TcpListener>> {
    let mut choices = 0;
    loop {
        choices += 1;
        match each_once(addresses) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && choices < MAX_PORT_CHOICES => {
                if addresses.iter().any(|address| address.port() != 0) {
                    return Err(error);
                }
            }
            outcome => return outcome,
        }
    }
}

fn each_once(addresses: &BTreeSet<SocketAddr>) -> io::Result<Vec<TcpListener>> {
    let mut sockets: Vec<TcpListener> = Vec::new();
    let mut absent = io::Error::other("the name has no address");
    for address in addresses {
        let port = match sockets.first() {
            Some(first) => first.local_addr()?.port(),
            None => address.port(),
        };
        match tcp((address.ip(), port).into()) {
            Ok(socket) => sockets.push(socket),
            Err(error) if is_absent(&error) => absent = error,
            Err(error) => return Err(error),
        }
    }
    if sockets.is_empty() { Err(absent) } else { Ok(sockets) }
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        // Every interface for IPv4 too, whatever the system's default is.
        set_ipv6_v6only(&socket, false)?;
    }
    // A restart must not wait for the connections of the run before.
    socket.set_reuseaddr(true)?;
    keepalive::enable(&socket)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Whether this machine has no such address, or no address of its family.
fn is_absent(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
