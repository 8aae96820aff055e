//! Upstreams that answer in small DATA frames, each of which costs the HTTP/2 library much more than its content.

use super::frames::Frames;
use crate::support::client::{get, http2};
use crate::support::frames::{self, END_HEADERS, END_STREAM, HEADERS, SETTINGS, WINDOW_UPDATE};
use crate::support::program::{Program, WAIT_LIMIT};
use crate::support::upstream::Upstream;
use crate::support::{Sts, World};
use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// As many streams as one caller may have.
const STREAMS: u32 = 128;
/// As much as an upstream may send ahead on one of them.
const AHEAD: usize = 256 << 10;
/// The fields `:method: GET`, `:scheme: http` and `:path: /` by their places in HPACK's table, and `:authority: p`.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x01, 1, b'p'];

fn resident_mib(proxy: &Program) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}

/// The memory of a proxy that takes no more.
async fn at_rest(proxy: &Program) -> usize {
    let (mut most, mut unchanged) = (resident_mib(proxy), 0);
    while unchanged < 10 {
        sleep(Duration::from_millis(200)).await;
        let now = resident_mib(proxy);
        unchanged = if now > most { 0 } else { unchanged + 1 };
        most = most.max(now);
    }
    most
}

#[tokio::test]
async fn small_frames_that_a_caller_does_not_read_hold_little_memory() {
    // Frames with padding are not joined.
    for padded in [false, true] {
        let upstream = Frames::scripted(move |_, mut connection| async move {
            connection.greet(None).await?;
            loop {
                let stream = connection.request().await?;
                connection.answer_in_small_frames(stream, padded, AHEAD).await?;
            }
        });
        let upstream = upstream.await;
        let (sts, host) = (Sts::start().await, upstream.address.to_string());
        let flags = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
        let proxy = Program::serve(&sts.url, &flags).await;
        let before = resident_mib(&proxy);
        let mut caller = frames::Frames::of_caller(proxy.proxy).await;
        let most = u32::MAX >> 1;
        caller.write(SETTINGS, 0, 0, &[&[0, 4][..], &most.to_be_bytes()].concat()).await;
        caller.write(WINDOW_UPDATE, 0, 0, &(most - 65_535).to_be_bytes()).await;
        for number in 0..STREAMS {
            caller.write(HEADERS, END_STREAM | END_HEADERS, 2 * number + 1, GET).await;
        }
        let held = at_rest(&proxy).await - before;
        // The windows alone are 32 MiB.
        assert!(held < 128, "{held} MiB, padded: {padded}");
        // Joined, they do not end the connections, which others may use.
        assert!(padded || upstream.connections() <= 3, "{} connections", upstream.connections());
    }
}

#[tokio::test]
async fn small_pieces_of_a_stream_of_events_arrive_at_once() {
    const EVENT: &[u8] = b"data: 1\n\n";
    for protocol in ["http1", "http2"] {
        let (events, coming) = mpsc::unbounded_channel::<Bytes>();
        let coming = Arc::new(Mutex::new(Some(coming)));
        let upstream = Upstream::scripted(move |_| {
            let coming = coming.lock().unwrap().take().unwrap();
            let next = |mut coming: mpsc::UnboundedReceiver<Bytes>| async move {
                coming.recv().await.map(|event| (Ok(Frame::data(event)), coming))
            };
            async move { Response::new(StreamBody::new(stream::unfold(coming, next)).boxed()) }
        });
        let world = World::pinned(upstream.await, &["--upstream-protocol", protocol]).await;
        let (mut sender, _connection) = http2(world.proxy.proxy).await;
        let mut body = sender.send_request(get("http://p/", &[])).await.unwrap().into_body();
        // Each burst is sent only when all of the one before has arrived.
        for burst in [1, 1, 2, 8, 9, 20, 1000, 1] {
            for _ in 0..burst {
                events.send(Bytes::from_static(EVENT)).unwrap();
            }
            let mut left = burst * EVENT.len();
            while left > 0 {
                let frame = timeout(WAIT_LIMIT, body.frame()).await.unwrap().unwrap().unwrap();
                left -= frame.into_data().unwrap().len();
            }
        }
        drop(events);
        assert_eq!(timeout(WAIT_LIMIT, body.collect()).await.unwrap().unwrap().to_bytes(), "");
    }
}
