//! From a stream to a connection that carries requests.

use super::connection::{Connection, FramedBody, Http2};
use super::error::UpstreamError;
use super::heard::{Heard, Listening};
use super::replay::is_invalid_http2;
use crate::http1::limits::MAX_HEADER_LIST_SIZE;
use crate::http1::stream::Stream;
use crate::http2::frames::CountedFrames;
use crate::http2::observed::Observed;
use crate::tasks::Tasks;
use hyper::client::conn::http2;
use hyper::rt::Executor;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How far an HTTP/2 upstream may send ahead on one stream, in bytes: 5 MB/s over a way of 50 ms.
const STREAM_WINDOW: u32 = 256 << 10;
/// The most requests at a time on one connection, even where the upstream allows more.
const MAX_STREAMS: u32 = 100;
/// How far the upstream may send ahead on a connection that is shared. All its streams fit, so that callers that do not read
/// their responses cannot keep those of others from coming (RFC 9113, section 5.2.2). The HTTP/2 library ends a connection that
/// holds too many small frames unread: half this size, where each counts as 256 bytes.
pub const SHARED_WINDOW: u32 = STREAM_WINDOW * MAX_STREAMS;
/// The same for a connection with one request. It also bounds the small frames: one caller can have many such connections.
pub const DEDICATED_WINDOW: u32 = 2 * STREAM_WINDOW;
/// The most bytes of a request's body that wait in memory until the connection to its upstream takes them.
const SEND_BUFFER: usize = 64 << 10;

/// What the HTTP/2 library does not tell from nonsense: a larger header. Up to here it is told, and refused by its name.
const MAX_RECOGNIZED_HEADER_LIST: u32 = 2 * MAX_HEADER_LIST_SIZE;

/// Speaks HTTP/2 once the upstream has said what it allows. The upstream may send so many bytes ahead on the connection.
///
/// # Errors
/// When the upstream speaks something else, or hangs up.
pub async fn handshake(
    stream: Box<dyn Stream>,
    tasks: &Tasks,
    window: u32,
) -> Result<Connection, UpstreamError> {
    let driven = Driven::default();
    let (heard, observed) = (Heard::now(), Observed::default());
    let stream = Listening::to(stream, heard.clone());
    let stream = CountedFrames::of_upstream(stream, observed.clone());
    let (sender, connection) = http2::Builder::new(driven.clone())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(window)
        .max_send_buf_size(SEND_BUFFER)
        .initial_max_send_streams(0)
        .max_header_list_size(MAX_RECOGNIZED_HEADER_LIST)
        .handshake::<_, FramedBody>(TokioIo::new(stream))
        .await
        .map_err(|error| UpstreamError::of(heard.explain(error)))?;
    let mut connection = Box::pin(connection);
    // What an HTTP/2 upstream allows is the first that it says (RFC 9113, section 3.4), and what shows that it is one.
    while connection.current_max_send_streams() == 0 {
        tokio::select! {
            () = driven.0.moved.notified() => {}
            end = &mut connection => return Err(match end.map_err(|error| heard.explain(error)) {
                Err(error) if !is_invalid_http2(&error) => UpstreamError::of(error),
                Ok(()) | Err(_) => UpstreamError::NoHttp2,
            }),
        }
    }
    let max_streams = Arc::new(AtomicUsize::new(taken_of(connection.current_max_send_streams())));
    let connection = Arc::new(Mutex::new(connection));
    let (allowed, known) = (max_streams.clone(), connection.clone());
    // The upstream may change what it allows at any time.
    driven.each_time(move || {
        let connection = known.lock().unwrap_or_else(PoisonError::into_inner);
        allowed.store(taken_of(connection.current_max_send_streams()), Ordering::Relaxed);
    });
    tasks.spawn(async move {
        // What sent a request gets the error too, and reports it.
        let _ = poll_fn(|context| {
            connection.lock().unwrap_or_else(PoisonError::into_inner).as_mut().poll(context)
        })
        .await;
        driven.end();
    });
    Ok(Connection::Http2(Http2::new(sender, max_streams, heard, observed)))
}

/// How many of the requests at a time that the upstream allows are sent.
fn taken_of(allowed: usize) -> usize {
    allowed.min(MAX_STREAMS as usize)
}

/// Spawns what drives an HTTP/2 connection, and tells whenever it has moved, before anything that it has woken runs.
#[derive(Clone, Default)]
struct Driven(Arc<Observers>);

#[derive(Default)]
struct Observers {
    moved: Notify,
    observer: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl Driven {
    /// Calls this after each move from now on.
    fn each_time(&self, observer: impl Fn() + Send + 'static) {
        *self.observer() = Some(Box::new(observer));
    }

    /// Calls nothing any more, and drops what was called.
    fn end(&self) {
        *self.observer() = None;
    }

    fn has_moved(&self) {
        self.0.moved.notify_one();
        if let Some(observer) = &*self.observer() {
            observer();
        }
    }

    fn observer(&self) -> MutexGuard<'_, Option<Box<dyn Fn() + Send>>> {
        self.0.observer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Driven {
    fn execute(&self, work: F) {
        let (mut work, driven) = (Box::pin(work), self.clone());
        TokioExecutor::new().execute(poll_fn(move |context| {
            let end = work.as_mut().poll(context);
            driven.has_moved();
            end
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};
    use tokio::io::{
        AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, Join, ReadBuf, WriteHalf, duplex, join, split,
    };
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    /// Tells when the end is read.
    struct End<R>(R, Arc<Notify>);

    impl<R: AsyncRead + Unpin> AsyncRead for End<R> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<std::io::Result<()>> {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.0).poll_read(context, buffer))?;
            if buffer.filled().len() == before {
                self.1.notify_one();
            }
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_connection_whose_end_has_been_read_is_good_for_no_request() {
        let (ours, mut theirs) = duplex(64 << 10);
        let (tasks, ended) = (Tasks::default(), Arc::new(Notify::new()));
        let many_streams = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];
        theirs.write_all(&many_streams).await.unwrap();
        let (reading, writing) = split(ours);
        let stream: Join<_, WriteHalf<DuplexStream>> = join(End(reading, ended.clone()), writing);
        let connection = handshake(Box::new(stream), &tasks, SHARED_WINDOW).await.unwrap();
        let Connection::Http2(connection) = connection else { panic!("HTTP/2 was asked for") };
        theirs.read_exact(&mut [0; 24]).await.unwrap();
        assert!(connection.is_good(Instant::now()));
        // This task runs before the one that closes the sender, which is woken later.
        let (say, said) = oneshot::channel();
        tasks.spawn(async move {
            ended.notified().await;
            say.send((connection.sender.is_closed(), connection.is_good(Instant::now()))).unwrap();
        });
        tokio::task::yield_now().await;
        drop(theirs);
        assert_eq!(said.await.unwrap(), (false, false));
    }
}
