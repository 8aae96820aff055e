use super::*;
use crate::tasks::{Owned, Tasks};
use axum::response::Response;
use axum::routing::get;
use std::future::pending;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

const BOUNDS: Bounds = Bounds {
    timeouts: Limits { header_read_timeout: Duration::from_secs(10), idle_timeout: Duration::from_secs(20) },
    max_connections: 1,
    excess: Excess::Waits,
    half_close: true,
    drain_timeout: Duration::from_secs(1),
};
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: p\r\n\r\n";

/// A server whose connections are pipes of 1 KiB in each direction.
struct Server {
    connect: mpsc::Sender<DuplexStream>,
    _task: Owned,
}

impl Server {
    fn start(router: Router, bounds: Bounds) -> Self {
        let (connect, accepted) = mpsc::channel(8);
        let accepted = Arc::new(Mutex::new(accepted));
        let accept = async move || match accepted.lock().await.recv().await {
            Some(stream) => stream,
            None => pending().await,
        };
        let serving = async move { serve(accept, |_| router.clone(), bounds, pending()).await };
        Self { connect, _task: Tasks::default().spawn(serving).into() }
    }

    async fn connect(&self) -> DuplexStream {
        let (client, server) = duplex(1024);
        self.connect.send(server).await.unwrap();
        client
    }

    /// Sends this on a new connection, and returns all that comes until the server closes it.
    async fn ask(&self, request: &[u8]) -> String {
        let mut client = self.connect().await;
        client.write_all(request).await.unwrap();
        read_to_end(client).await
    }
}

fn page(text: &'static str) -> Router {
    Router::new().route("/", get(async move || text))
}

async fn read_to_end(mut stream: DuplexStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_read_slowly_is_no_idle_connection() {
    let page: &'static str = "x".repeat(30 * 1024).leak();
    let timeouts = Limits { idle_timeout: Duration::from_secs(5), ..BOUNDS.timeouts };
    let server = Server::start(self::page(page), Bounds { timeouts, ..BOUNDS });
    let mut client = server.connect().await;
    client.write_all(GET).await.unwrap();
    let (mut received, mut piece) = (Vec::new(), [0; 1024]);
    while !received.ends_with(b"x") || received.len() < page.len() {
        sleep(Duration::from_millis(900)).await;
        let length = client.read(&mut piece).await.unwrap();
        assert_ne!(length, 0, "{} bytes came", received.len());
        received.extend_from_slice(&piece[..length]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_has_its_time_from_its_first_byte_on_and_a_connection_without_requests_another() {
    let server = Server::start(page("page"), BOUNDS);
    for (part, limit) in
        [(&b"GET /"[..], BOUNDS.timeouts.header_read_timeout), (b"", BOUNDS.timeouts.idle_timeout)]
    {
        let begun = Instant::now();
        assert_eq!(server.ask(part).await, "");
        assert!((limit..2 * limit).contains(&begun.elapsed()), "{part:?}: {:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn one_connection_more_waits_or_closes_the_oldest() {
    let server = Server::start(page("page"), BOUNDS);
    let (first, mut second) = (server.connect().await, server.connect().await);
    second.write_all(GET).await.unwrap();
    assert!(timeout(Duration::from_secs(1), second.read_u8()).await.is_err());
    drop(first);
    assert_eq!(second.read_u8().await.unwrap(), b'H');

    let server = Server::start(page("page"), Bounds { excess: Excess::ClosesOldest, ..BOUNDS });
    let (first, mut second) = (server.connect().await, server.connect().await);
    assert_eq!(read_to_end(first).await, "");
    second.write_all(GET).await.unwrap();
    assert_eq!(second.read_u8().await.unwrap(), b'H');
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_its_half_gets_its_answer_unless_that_ends_the_request() {
    let slow = Router::new().route(
        "/",
        get(async || {
            sleep(Duration::from_secs(1)).await;
            "page"
        }),
    );
    for (half_close, gets) in [(true, true), (false, false)] {
        let server = Server::start(slow.clone(), Bounds { half_close, ..BOUNDS });
        let mut client = server.connect().await;
        client.write_all(GET).await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(read_to_end(client).await.ends_with("page"), gets);
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_to_hang_up_is_none() {
    let router = Router::new().route(
        "/",
        get(async || {
            let mut response = Response::new("page".to_owned());
            response.extensions_mut().insert(HangUp);
            response
        }),
    );
    assert_eq!(Server::start(router, BOUNDS).ask(GET).await, "");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_is_refused_and_ends_its_connection() {
    let server = Server::start(page("page"), BOUNDS);
    for bytes in [
        &b"\x16\x03\x01\0\xa5\x01\0\0\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost : p\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\n\r\n",
    ] {
        let answer = server.ask(bytes).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{bytes:?}: {answer}");
    }
    let large = format!("GET / HTTP/1.1\r\nHost: p\r\nX: {}\r\n\r\n", "x".repeat(200 * 1024));
    let mut client = server.connect().await;
    let (mut reads, mut writes) = tokio::io::split(&mut client);
    let mut answer = String::new();
    // The server stops reading before the end.
    let _ = tokio::join!(writes.write_all(large.as_bytes()), reads.read_to_string(&mut answer));
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}
