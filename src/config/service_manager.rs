//! What systemd and a service tell each other through the environment: sockets one way, the service's state the other.
//!
//! Both crates read variables by themselves, so they are called from nowhere else.

use super::variable;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process;
use std::time::Duration;

/// The sockets that a service manager made for this process (`sd_listen_fds(3)`).
#[derive(Debug, Default)]
pub struct Sockets {
    /// In place of `--listen-addr`.
    pub proxy: Option<HandedOver>,
    /// In place of `--metrics-listen-addr`.
    pub metrics: Option<HandedOver>,
}

/// A socket that listens already.
#[derive(Debug)]
pub enum HandedOver {
    /// On address and port.
    Tcp(TcpListener),
    /// At a path.
    Unix(UnixListener),
}

/// Why sockets cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum SocketsError {
    /// More of them than there are listeners, or no number at all.
    #[error("LISTEN_FDS is {0:?}: at most 2 sockets can be used, one for callers and one for metrics")]
    Count(String),
    /// Two of them for one purpose.
    #[error(
        "LISTEN_FDNAMES names two sockets {0}: give it one ListenStream=, and [::]:PORT where it is to hear IPv4 too"
    )]
    SameName(&'static str),
    /// Something else was handed over.
    #[error("the socket of file descriptor {0} is no listening TCP or Unix stream socket; is it Accept=yes?")]
    Kind(usize),
}

/// The first file descriptor that is handed over.
const FIRST: usize = 3;

/// Takes the sockets over, once. One named `proxy` is for callers, one named `metrics` for metrics; of the others the
/// first goes where one is still missing. To be called before there are threads, since it unsets `LISTEN_FDS`.
///
/// # Errors
/// When they cannot be used as a service manager hands them over.
pub fn sockets() -> Result<Sockets, SocketsError> {
    let text = |name| variable(name).unwrap_or_default().to_string_lossy().into_owned();
    let (count, process) = (text("LISTEN_FDS"), text("LISTEN_PID"));
    let (mut sockets, mut unnamed) = (Sockets::default(), Vec::new());
    if !process.is_empty() && process != process::id().to_string() {
        // They were for the process that started this one.
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

fn take(inherited: &mut ListenFd, index: usize) -> Option<HandedOver> {
    // A connection looks like a listener until one asks for its other end.
    if let Ok(Some(listener)) = inherited.take_tcp_listener(index) {
        let stream = TcpStream::from(OwnedFd::from(listener));
        let listening = stream.peer_addr().is_err();
        return listening.then(|| HandedOver::Tcp(OwnedFd::from(stream).into()));
    }
    let listener = inherited.take_unix_listener(index).ok()??;
    let stream = UnixStream::from(OwnedFd::from(listener));
    let listening = stream.peer_addr().is_err();
    listening.then(|| HandedOver::Unix(OwnedFd::from(stream).into()))
}

/// What a service manager wants to know (`sd_notify(3)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Connections are taken.
    Ready,
    /// Changed files are read; `Ready` follows.
    Reloading,
    /// The process still serves.
    Alive,
    /// The end has begun.
    Stopping,
}

/// Tells the service manager, where there is one (`NOTIFY_SOCKET`).
///
/// # Errors
/// When it cannot be reached.
pub fn tell(state: State) -> io::Result<()> {
    match state {
        State::Ready => sd_notify::notify(&[NotifyState::Ready]),
        State::Reloading => sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?]),
        State::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
        State::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
    }
}

/// How often the service manager wants to hear [`State::Alive`] at least; `None` where it does not watch this process.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|every| !every.is_zero())
}
