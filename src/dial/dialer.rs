//! Sockets to upstreams: the address that answers first, and how many are open at a time. One caller over HTTP/2 can have
//! hundreds of requests that each take a connection, and without a bound these would take the files of all else.

use crate::keepalive;
use rustix::io::Errno;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long one address gets before the next one is tried beside it (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Opens sockets, as many at a time as there is room for. Cloning is cheap and shares the room.
#[derive(Clone)]
pub struct Dialer(Arc<Semaphore>);

impl Dialer {
    /// Room for so many sockets; `None` for no bound.
    pub fn at_most(most: Option<NonZeroUsize>) -> Self {
        let most = most.map_or(Semaphore::MAX_PERMITS, NonZeroUsize::get);
        Self(Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))))
    }

    /// The first connection that opens. Addresses of both families are tried in turn, each with a head start, and beside
    /// others while there is room.
    ///
    /// # Errors
    /// The last address's, and `EMFILE` where there is no room.
    pub async fn dial(&self, addresses: Vec<SocketAddr>) -> io::Result<Socket> {
        let mut waiting = by_turns(addresses).into_iter().peekable();
        let mut place = Some(self.place().ok_or(Errno::MFILE)?);
        let mut tries = JoinSet::new();
        let mut last_error = io::Error::other("no address to connect to");
        loop {
            if waiting.peek().is_some()
                && let Some(place) = place.take().or_else(|| self.place())
                && let Some(address) = waiting.next()
            {
                tries.spawn(open(address, place));
            }
            tokio::select! {
                Some(outcome) = tries.join_next() => match outcome {
                    Ok(Ok(socket)) => return Ok(socket),
                    Ok(Err((error, free))) => (last_error, place) = (error, Some(free)),
                    Err(lost) => last_error = io::Error::other(lost),
                },
                () = sleep(HEAD_START), if waiting.peek().is_some() => {}
                else => return Err(last_error),
            }
        }
    }

    fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_owned().ok()
    }
}

async fn open(
    address: SocketAddr,
    place: OwnedSemaphorePermit,
) -> Result<Socket, (io::Error, OwnedSemaphorePermit)> {
    match connect(address).await {
        Ok(stream) => Ok(Socket { stream, _place: place }),
        Err(error) => Err((error, place)),
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    keepalive::enable(&stream)?;
    keepalive::give_up_unacknowledged(&stream)?;
    Ok(stream)
}

/// A connection that takes up room until it is closed.
pub struct Socket {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl Socket {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}

/// The same addresses, families alternating, starting with the resolver's first choice (RFC 8305, section 4).
fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut first = first.into_iter();
    let mut second = second.into_iter();
    let mut mixed = Vec::new();
    while first.len() + second.len() > 0 {
        mixed.extend(first.next());
        mixed.extend(second.next());
    }
    mixed
}
