//! TCP keepalive. NAT gateways and load balancers forget a connection that is silent for some minutes and tell neither side,
//! so that a wait for a slow response would never end.

use rustix::fd::AsFd;
use rustix::net::sockopt;
use std::io;
use std::time::Duration;

/// How long a connection is silent before the first probe; AWS's NAT gateways forget it after 350 s.
const IDLE: Duration = Duration::from_secs(30);
/// How long one probe is waited for.
const INTERVAL: Duration = Duration::from_secs(15);
/// How many probes in a row stay unanswered before the connection counts as broken.
const PROBES: u32 = 4;

/// How long data may stay unacknowledged, or wait for the other side to make room for it: as long as the probes of a silent
/// connection take. The system sends no probes while data is on its way, and would repeat that for a quarter of an hour.
const UNACKNOWLEDGED: Duration = Duration::from_secs(90);

/// Has the system give up a TCP connection whose other side acknowledges nothing, or makes no room, for 90 s
/// (`TCP_USER_TIMEOUT`, tcp(7)).
///
/// # Errors
/// When the system refuses.
pub fn give_up_unacknowledged(socket: impl AsFd) -> io::Result<()> {
    let milliseconds = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
    Ok(sockopt::set_tcp_user_timeout(socket, milliseconds)?)
}

/// Has the system probe a TCP connection that is silent. Connections that a listening socket accepts inherit it.
///
/// # Errors
/// When the system refuses.
pub fn enable(socket: impl AsFd) -> io::Result<()> {
    let socket = socket.as_fd();
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, IDLE)?;
    sockopt::set_tcp_keepintvl(socket, INTERVAL)?;
    Ok(sockopt::set_tcp_keepcnt(socket, PROBES)?)
}
