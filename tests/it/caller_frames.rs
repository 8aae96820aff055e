//! Callers of HTTP/2, frame by frame, for what no client sends on demand.

use crate::support::World;
use crate::support::frames::{
    DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Frames, GOAWAY, HEADERS, PING, POST, PREFACE,
    RST_STREAM, WINDOW_UPDATE, frame,
};
use crate::support::upstream::Upstream;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

/// How many streams are opened before their resets are read.
const AT_A_TIME: usize = 50;

#[tokio::test]
async fn a_connection_lives_on_however_many_empty_data_frames_lie_between_others() {
    let world = World::pinned(Upstream::echo().await, &[]).await;
    let mut caller = Frames::of_caller(world.proxy.proxy).await;
    for request in 0..150 {
        let stream = 2 * request + 1;
        caller.write(HEADERS, END_HEADERS, stream, POST).await;
        for data in [&b"a"[..], b"", b"b", b""] {
            caller.write(DATA, 0, stream, data).await;
        }
        caller.write(DATA, END_STREAM, stream, b"c").await;
        assert_eq!(caller.end_of(stream).await, b"abc");
    }
}

#[tokio::test]
async fn what_is_begun_and_not_completed_ends_its_connection_and_no_other() {
    let flags = ["--header-read-timeout", "500ms"];
    let upstream = Upstream::scripted(|_| std::future::pending()).await;
    let world = World::pinned(upstream, &flags).await;
    let mut good = Frames::of_caller(world.proxy.proxy).await;
    good.write(HEADERS, END_HEADERS, 1, POST).await;
    good.write(DATA, 0, 1, b"a").await;
    let mut silent = Frames::silent(world.proxy.proxy).await;
    silent.0.write_all(PREFACE).await.unwrap();
    let mut partial = Frames::of_caller(world.proxy.proxy).await;
    partial.0.write_all(&[0, 0, 8]).await.unwrap();
    // A request that is answered late does not excuse another.
    let mut blocked = Frames::of_caller(world.proxy.proxy).await;
    blocked.write(HEADERS, END_HEADERS | END_STREAM, 1, POST).await;
    blocked.write(HEADERS, 0, 3, POST).await;
    for caller in [silent, partial, blocked] {
        assert_eq!(caller.goodbye().await, ENHANCE_YOUR_CALM);
    }
    // The frame of content that is half sent is not late, as with HTTP/1.1.
    good.0.write_all(&[0, 0, 2, DATA, 0, 0, 0, 0, 1, b'b']).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    good.0.write_all(b"c").await.unwrap();
    good.write(PING, 0, 0, &[7; 8]).await;
    while good.frame().await.unwrap().kind != PING {}
}

#[tokio::test]
async fn a_caller_that_has_its_streams_reset_floods_like_one_that_resets_them() {
    let upstream = Upstream::scripted(|_| std::future::pending()).await;
    let world = World::pinned(upstream, &[]).await;
    let overflow = (u32::MAX >> 1).to_be_bytes();
    let with_length = [POST, &[0x0f, 13, 1, b'1']].concat();
    let ways: [(&[u8], u8, &[u8]); 2] = [
        (POST, WINDOW_UPDATE, &overflow),
        // More content than its length says.
        (&with_length, DATA, b"two"),
    ];
    let mut caller = Frames::of_caller(world.proxy.proxy).await;
    let mut resets = 0;
    // Many at a time, because what takes longer than ten seconds is no flood, and a busy machine answers late.
    let goodbye = 'flood: loop {
        let streams =
            (resets..).take(AT_A_TIME).map(|number| (number, 2 * u32::try_from(number).unwrap() + 1));
        let frames = streams.flat_map(|(number, stream)| {
            let (fields, kind, payload) = ways[number % ways.len()];
            [frame(HEADERS, END_HEADERS, stream, fields), frame(kind, 0, stream, payload)]
        });
        caller.0.write_all(&frames.collect::<Vec<_>>().concat()).await.unwrap();
        for _ in 0..AT_A_TIME {
            let frame = loop {
                let frame = caller.frame().await.unwrap();
                if [RST_STREAM, GOAWAY].contains(&frame.kind) {
                    break frame;
                }
            };
            if frame.kind == GOAWAY {
                break 'flood frame;
            }
            resets += 1;
        }
        assert!(resets < 300);
    };
    assert_eq!(goodbye.payload[4..], ENHANCE_YOUR_CALM.to_be_bytes());
    assert!(resets > 190, "{resets}");
}

#[tokio::test]
async fn a_caller_whose_connection_ends_is_told_why_whatever_it_still_sends() {
    const PROTOCOL_ERROR: u32 = 1;
    let upstream = Upstream::scripted(|_| std::future::pending()).await;
    let world = World::pinned(upstream, &[]).await;
    let pings = |number| vec![frame(PING, 0, 0, &[7; 8]); number];
    let reset = |number: u32| {
        let stream = 2 * number + 1;
        [frame(HEADERS, END_HEADERS, stream, POST), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])]
    };
    let ways = [
        // The flood that attache notices.
        (pings(1100), ENHANCE_YOUR_CALM),
        // The flood that the HTTP/2 library notices: streams that are reset before it has passed them on.
        ((0..300).flat_map(reset).collect(), ENHANCE_YOUR_CALM),
        // What else it does not take: content on no stream.
        (vec![frame(DATA, 0, 0, b"a")], PROTOCOL_ERROR),
    ];
    for (frames, code) in ways {
        let mut caller = Frames::of_caller(world.proxy.proxy).await;
        // All of it has been sent before it is read, so it does not depend on how fast either side is.
        let rest = pings(5000);
        caller.0.write_all(&[frames, rest].concat().concat()).await.unwrap();
        assert_eq!(caller.goodbye().await, code);
    }
}

/// Fields as literals without a place in HPACK's table.
fn literal(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

#[tokio::test]
async fn a_connect_with_a_length_ends_its_own_stream_and_no_other() {
    const LENGTH: (&str, &str) = ("content-length", "5");
    let world = World::pinned(Upstream::echo().await, &[]).await;
    let connect = [(":method", "CONNECT"), (":authority", "p:1"), LENGTH];
    let websocket = [
        [(":method", "CONNECT"), (":authority", "p"), (":protocol", "websocket")],
        [(":scheme", "http"), (":path", "/"), LENGTH],
    ];
    for fields in [literal(&connect), literal(&websocket.concat())] {
        let mut caller = Frames::of_caller(world.proxy.proxy).await;
        caller.write(HEADERS, END_HEADERS, 1, POST).await;
        for stream in [3, 5, 7] {
            caller.write(HEADERS, END_HEADERS, stream, &fields).await;
        }
        let mut reset = 0;
        while reset < 3 {
            let frame = caller.frame().await.unwrap();
            assert!(frame.stream != 1 && frame.kind != GOAWAY, "{frame:?}");
            reset += usize::from(frame.kind == RST_STREAM);
        }
        caller.write(DATA, END_STREAM, 1, b"a").await;
        assert_eq!(caller.end_of(1).await, b"a");
    }
}
