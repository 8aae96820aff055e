//! Bound addresses, and what happens when accepting fails.

use crate::config::ListenAddr;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::time::sleep;

/// Connections that the system holds ready while none is accepted.
const BACKLOG: u32 = 1024;
/// How long to wait when the process has run out of something, most likely file descriptors.
const BREATHER: Duration = Duration::from_millis(50);

/// Binds the address.
///
/// # Errors
/// When it cannot be resolved or is taken, or may not be bound.
pub async fn bind(address: &ListenAddr) -> io::Result<TcpListener> {
    match address {
        // One IPv6 socket hears IPv4 too, except where the machine has no IPv6.
        ListenAddr::Every(port) => bind_one((Ipv6Addr::UNSPECIFIED, *port).into())
            .or_else(|_| bind_one((Ipv4Addr::UNSPECIFIED, *port).into())),
        ListenAddr::One(host, port) => {
            let mut last_error = io::Error::other("the name has no address");
            for address in lookup_host((host.as_str(), *port)).await? {
                match bind_one(address) {
                    Ok(listener) => return Ok(listener),
                    Err(error) => last_error = error,
                }
            }
            Err(last_error)
        }
    }
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    // A restart must not wait for the connections of the run before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The next connection. Errors of one connection are its own; for lack of resources it waits a little.
pub async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                sleep(BREATHER).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
