//! Listening sockets, TCP or Unix.
//!
//! For a name, attache listens on each of its addresses that this machine has: `localhost` may resolve to `127.0.0.1` and `::1`,
//! and programs connect to either.

use super::address::Address;
use super::bind_error::BindError;
use super::episode::{self, Episode};
use super::socket_file::{self, SocketFile};
use super::stream::Stream;
use crate::config::listener::ListenAddr;
use crate::config::service_manager::InheritedSocket;
use crate::diagnostics::DiagnosticCode;
use crate::keepalive;
use rustix::io::Errno;
use rustix::net::sockopt::set_ipv6_v6only;
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, lookup_host};
use tokio::time::sleep;

/// The maximum number of connections that the system queues until they are accepted.
const BACKLOG: u32 = 1024;
/// The delay before the next attempt when the system lacks a resource, most likely file descriptors.
const RETRY_DELAY: Duration = Duration::from_millis(50);
/// The maximum number of attempts to find a port that is free at every address of a name.
const MAX_PORT_CHOICES: usize = 16;

/// A listener. Dropping it closes its sockets, and removes the file of a Unix socket that attache has created.
pub struct Listener {
    socket: Socket,
    address: Address,
    failures: Mutex<Episode>,
}

enum Socket {
    /// One or more sockets, one for each address of a name.
    Tcp(Vec<TcpListener>),
    /// The file is dropped first: once the socket is closed, another file may get its inode number.
    Unix { _file: Option<SocketFile>, listener: UnixListener },
}

impl Listener {
    /// Binds the address.
    ///
    /// # Errors
    /// When the address cannot be resolved, is in use, or must not be bound.
    pub async fn bind(address: &ListenAddr) -> Result<Self, BindError> {
        match address {
            // One IPv6 socket accepts IPv4 too. A machine without IPv6 needs an IPv4 socket.
            ListenAddr::Every(port) => {
                let socket = match tcp((Ipv6Addr::UNSPECIFIED, *port).into()) {
                    Err(error) if is_absent(&error) => tcp((Ipv4Addr::UNSPECIFIED, *port).into()),
                    outcome => outcome,
                };
                Ok(Self::of_tcp(vec![socket?])?)
            }
            ListenAddr::One(host, port) => {
                // The set is sorted, with IPv4 first, and has no duplicates.
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

    /// Takes over a socket that already listens. It does not remove the file of a Unix socket, which belongs to the socket's
    /// creator.
    ///
    /// # Errors
    /// When the system rejects an option of the socket.
    pub fn adopt(socket: InheritedSocket) -> io::Result<Self> {
        match socket {
            InheritedSocket::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                keepalive::enable(&listener)?;
                Self::of_tcp(vec![TcpListener::from_std(listener)?])
            }
            InheritedSocket::Unix(listener) => {
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

    /// Where the listener can be reached.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Accepts the next connection, and returns it with the caller's address if it has one. Errors of a single connection are
    /// ignored; after any other error there is a short delay before the next attempt.
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
                    sleep(RETRY_DELAY).await;
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

/// Accepts the next connection on any of these sockets. It begins with a random one, so that none is preferred.
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

/// Listens on each of these addresses, which have the same port. For port 0 the system chooses one port for all of them.
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
        // The system's default may be to accept IPv6 only.
        set_ipv6_v6only(&socket, false)?;
    }
    // A restart must not have to wait until the previous run's connections have timed out.
    socket.set_reuseaddr(true)?;
    keepalive::enable(&socket)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Whether the error means that this machine lacks this address or its address family.
fn is_absent(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT))
}

/// Whether the error concerns only the connection to be accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
