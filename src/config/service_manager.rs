//! Socket activation and notifications of systemd, which use variables.
//!
//! The two crates for them read variables themselves, so only this file calls them.

use super::environment::variable;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process;
use std::time::Duration;

/// The sockets that a service manager passed to this process (`sd_listen_fds(3)`).
#[derive(Debug, Default)]
pub struct Sockets {
    /// Used in place of `--listen-addr`.
    pub proxy: Option<InheritedSocket>,
    /// Used in place of `--metrics-listen-addr`.
    pub metrics: Option<InheritedSocket>,
}

/// A socket that already listens.
#[derive(Debug)]
pub enum InheritedSocket {
    /// Listens on an address and a port.
    Tcp(TcpListener),
    /// Listens at a path.
    Unix(UnixListener),
}

/// Why the passed sockets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SocketsError {
    /// There are more sockets than listeners, or their number is invalid.
    #[error("LISTEN_FDS is {0:?}: at most 2 sockets can be used, one for callers and one for metrics")]
    Count(String),
    /// Two sockets have the same purpose.
    #[error(
        "LISTEN_FDNAMES names two sockets {0}: give it one ListenStream=, and [::]:PORT where it is to hear IPv4 too"
    )]
    SameName(&'static str),
    /// A file descriptor is no listening socket.
    #[error("the socket of file descriptor {0} is no listening TCP or Unix stream socket; is it Accept=yes?")]
    Kind(usize),
}

/// The first file descriptor that a service manager passes.
const FIRST: usize = 3;

/// Takes the sockets over, once. The socket named `proxy` is for callers, and the one named `metrics` for metrics; another one is
/// used where a socket is still missing. Must be called before there are threads, because it unsets `LISTEN_FDS`.
///
/// # Errors
/// When the sockets cannot be used.
pub fn sockets() -> Result<Sockets, SocketsError> {
    let text = |name| variable(name).unwrap_or_default().to_string_lossy().into_owned();
    let (count, process) = (text("LISTEN_FDS"), text("LISTEN_PID"));
    let (mut sockets, mut unnamed) = (Sockets::default(), Vec::new());
    if unused_sockets(&count, &process).is_some() {
        return Ok(sockets);
    }
    if !matches!(count.as_str(), "" | "0" | "1" | "2") {
        return Err(SocketsError::Count(count));
    }
    let names = text("LISTEN_FDNAMES");
    let mut names = names.split(':');
    let mut inherited = ListenFd::from_env();
    for index in 0..inherited.len() {
        let socket = take(&mut inherited, index).ok_or(SocketsError::Kind(FIRST + index))?;
        let (place, name) = match names.next() {
            Some("proxy") => (&mut sockets.proxy, "proxy"),
            Some("metrics") => (&mut sockets.metrics, "metrics"),
            Some(_) | None => {
                unnamed.push(socket);
                continue;
            }
        };
        if place.replace(socket).is_some() {
            return Err(SocketsError::SameName(name));
        }
    }
    for socket in unnamed {
        let free = if sockets.proxy.is_none() { &mut sockets.proxy } else { &mut sockets.metrics };
        *free = Some(socket);
    }
    Ok(sockets)
}

/// Why sockets were passed to another process, by `LISTEN_FDS` and `LISTEN_PID`; `None` if they were passed to this one, or there
/// are none. `sd_listen_fds(3)` has this rule: file descriptors of a process that did not ask for them may be anything.
pub(super) fn unused_sockets(count: &str, process: &str) -> Option<&'static str> {
    if matches!(count, "" | "0") || process == process::id().to_string() {
        return None;
    }
    Some(match process {
        "" => {
            "LISTEN_PID is not set; it must be the process that the sockets are for, which systemd sets it to"
        }
        _ => "LISTEN_PID is not this process: a script that starts attache must do so by exec",
    })
}

fn take(inherited: &mut ListenFd, index: usize) -> Option<InheritedSocket> {
    // Only its peer address tells a connection from a listening socket.
    if let Ok(Some(listener)) = inherited.take_tcp_listener(index) {
        let stream = TcpStream::from(OwnedFd::from(listener));
        let listening = stream.peer_addr().is_err();
        return listening.then(|| InheritedSocket::Tcp(OwnedFd::from(stream).into()));
    }
    let listener = inherited.take_unix_listener(index).ok()??;
    let stream = UnixStream::from(OwnedFd::from(listener));
    let listening = stream.peer_addr().is_err();
    listening.then(|| InheritedSocket::Unix(OwnedFd::from(stream).into()))
}

/// The state of this process, for the service manager (`sd_notify(3)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The process accepts connections.
    Ready,
    /// The process reads changed files; `Ready` follows.
    Reloading,
    /// The process still serves.
    Alive,
    /// The process has begun to stop.
    Stopping,
}

/// The longest time for which a message may block its thread. The services of one manager share its socket, so the queue can be full.
const SEND_TIMEOUT: Duration = Duration::from_millis(250);

/// Notifies the service manager, if there is one (`NOTIFY_SOCKET`). A full queue blocks the thread for `SEND_TIMEOUT` at most, and
/// not at all for [`State::Alive`], which is repeated.
///
/// # Errors
/// When the service manager cannot be reached, or does not read.
pub fn tell(state: State) -> io::Result<()> {
    let Some(path) = variable("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else { return Ok(()) };
    let message = match state {
        State::Ready => lines(&[NotifyState::Ready]),
        State::Reloading => lines(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?]),
        State::Alive => lines(&[NotifyState::Watchdog]),
        State::Stopping => lines(&[NotifyState::Stopping]),
    };
    // `sd_notify::notify` blocks while the queue is full.
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    match state {
        State::Alive => socket.set_nonblocking(true)?,
        State::Ready | State::Reloading | State::Stopping => socket.set_write_timeout(Some(SEND_TIMEOUT))?,
    }
    socket.send(message.as_bytes()).map(drop)
}

fn lines(states: &[NotifyState<'_>]) -> String {
    states.iter().map(|state| format!("{state}\n")).collect()
}

/// The interval within which the service manager expects [`State::Alive`]; `None` if it does not watch this process.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|every| !every.is_zero())
}
