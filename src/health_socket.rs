//! How `attache healthcheck` finds the proxies of its container without being told where they are. Each holds a Unix socket
//! in Linux's abstract namespace, which needs no folder to write to and leaves nothing behind. To each connection it writes
//! one line, and closes it. Nothing is read.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::sleep;

/// The line of a proxy that is ready.
pub const READY: &str = "ready";
/// The most that is read of a line.
const MAX_LINE: u64 = 4096;
/// How long to wait when the process has run out of something, most likely file descriptors.
const PAUSE: Duration = Duration::from_millis(500);

/// The socket of this process.
pub struct HealthSocket(UnixListener);

impl HealthSocket {
    /// Holds the socket. A process has one.
    ///
    /// # Errors
    /// When the process has one already, or the system has no abstract namespace.
    pub fn bind() -> io::Result<Self> {
        UnixListener::bind(format!("{}{}", prefix()?, std::process::id())).map(Self)
    }

    /// Answers each connection with `line`.
    pub async fn answer(self, line: impl Fn() -> String) -> Infallible {
        loop {
            match self.0.accept().await {
                Ok((mut stream, _)) => {
                    // One that has gone needs no answer. The buffer of a new socket takes all of it, so nothing waits here.
                    let _ = stream.write_all(line().as_bytes()).await;
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

/// Where the proxy of one process can be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    process: u32,
    path: String,
}

impl Place {
    /// The process, by its number in the container.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// Whether it is the container's main process.
    pub fn is_main(&self) -> bool {
        self.process == 1
    }

    /// A connection to the process itself. Any process that shares the network namespace could have taken the name, such as
    /// one of another container of a pod, whose number is another or unknown here.
    async fn connect(&self) -> io::Result<UnixStream> {
        let stream = UnixStream::connect(&self.path).await?;
        let holder = stream.peer_cred()?.pid().and_then(|pid| u32::try_from(pid).ok());
        match holder == Some(self.process) {
            true => Ok(stream),
            false => Err(io::Error::other("another process has taken the name of its socket")),
        }
    }

    /// What it says.
    ///
    /// # Errors
    /// When it has ended meanwhile, or does not answer.
    pub async fn ask(&self) -> io::Result<String> {
        let mut line = String::new();
        self.connect().await?.take(MAX_LINE).read_to_string(&mut line).await?;
        if line.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
    }
}

/// The proxies that run in this container, each once. None where the system has no abstract namespace.
pub async fn places() -> Vec<Place> {
    let (Ok(prefix), Ok(sockets)) = (prefix(), fs::read_to_string("/proc/net/unix")) else {
        return Vec::new();
    };
    let mut places = Vec::new();
    for place in listed(&prefix, &sockets) {
        // A socket whose queue is full says so at once.
        if place.connect().await.is_ok() {
            places.push(place);
        }
    }
    places
}

/// The containers of a pod share sockets but number their processes apart, so the namespace of the numbers is in the name.
/// The first character marks a name as abstract.
fn prefix() -> io::Result<String> {
    Ok(format!("\0attache/{}/", fs::read_link("/proc/self/ns/pid")?.display()))
}

/// Reads `/proc/net/unix`, which shows an abstract name at the end of its line, `@` for the first character.
fn listed(prefix: &str, sockets: &str) -> Vec<Place> {
    let names = sockets.lines().filter_map(|line| line.rsplit_once(" @"));
    let mut places: Vec<Place> = names
        .filter_map(|(_, name)| {
            let path = format!("\0{name}");
            Some(Place { process: path.strip_prefix(prefix)?.parse().ok()?, path })
        })
        .collect();
    // Connections to a socket are listed with its name.
    places.sort();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sockets_of_this_container_are_found_once_each() {
        let sockets = "Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 11 @attache/pid:[7]/31\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 12 @attache/pid:[7]/31\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 13 @attache/pid:[7]/1\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 14 @attache/pid:[8]/9\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 15 @attache/pid:[7]/x\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 16 /run/attache/pid:[7]/5\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 17\n";
        let places = listed("\0attache/pid:[7]/", sockets);
        assert_eq!(places.iter().map(Place::process).collect::<Vec<_>>(), [1, 31]);
        assert!(places[0].is_main() && !places[1].is_main());
        assert_eq!(places[1].path, "\0attache/pid:[7]/31");
    }
}
