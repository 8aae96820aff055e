//! Callers that do not read their responses, on HTTP/2 connections that others use too (hyperium/h2#573).

use crate::support::World;
use crate::support::client::{get, send};
use crate::support::program::WAIT_LIMIT;
use crate::support::upstream::{Upstream, text};
use bytes::Bytes;
use futures_util::stream;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// More than the requests that one connection to an upstream carries at a time.
const CALLERS: usize = 120;
const PART: usize = 16 * 1024;

/// A caller that has got the beginning of a response without an end, and reads no more.
async fn stalled(world: &World) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut caller = socket.connect(world.proxy.proxy).await.unwrap();
    caller.write_all(b"GET /big HTTP/1.1\r\nhost: proxy.local\r\n\r\n").await.unwrap();
    timeout(WAIT_LIMIT, caller.read_exact(&mut [0; 64])).await.unwrap().unwrap();
    caller
}

#[tokio::test]
async fn callers_that_do_not_read_keep_no_responses_from_others() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let upstream = Upstream::scripted(move |request| {
        let counter = counter.clone();
        async move {
            if request.uri().path() != "/big" {
                return text(vec![b's'; 100_000]);
            }
            let endless = stream::iter(std::iter::repeat_with(move || {
                counter.fetch_add(PART, Ordering::Relaxed);
                Ok(Frame::data(Bytes::from_static(&[0; PART])))
            }));
            Response::new(StreamBody::new(endless).boxed())
        }
    });
    let world = World::pinned(upstream.await, &["--upstream-protocol", "http2"]).await;
    let mut callers = Vec::new();
    while callers.len() < CALLERS {
        callers.push(stalled(&world).await);
    }
    // Until every window and every buffer on the way is full.
    let mut before = 0;
    while before != sent.load(Ordering::Relaxed) {
        before = sent.load(Ordering::Relaxed);
        sleep(Duration::from_millis(200)).await;
    }
    for _ in 0..5 {
        let answer = send(world.proxy.proxy, get("/small", &[])).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 100_000));
    }
    assert_eq!(world.upstream.connections(), 2);
}
