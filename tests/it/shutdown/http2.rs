//! The end as callers of HTTP/2 see it.

use super::waiting;
use crate::support::World;
use crate::support::client::{Answer, get, http2};
use crate::support::program::WAIT_LIMIT;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn an_http_2_request_in_flight_is_answered_too() {
    let (upstream, permits) = waiting().await;
    let mut world = World::pinned(upstream, &[]).await;
    let (mut sender, _connection) = http2(world.proxy.proxy).await;
    let response = sender.send_request(get("http://proxy.local/", &[]));
    world.upstream.requests(1).await;
    world.proxy.signal("TERM");
    world.proxy.logged(|line| line["msg"] == "draining").await;
    permits.add_permits(1);
    assert_eq!(Answer::read(response.await.unwrap()).await.text(), "at last");
    drop(sender);
    assert!(world.proxy.ended().await.success());
}

/// HTTP/2's preface, empty settings and `GET http://p/`, by hand, because hyper's client keeps to itself what it is told.
const REQUEST: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \0\0\0\x04\0\0\0\0\0\
    \0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01p";
const DATA: u8 = 0;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// The next frame of this kind and what it carries, or nothing where the connection ends first. Pings are answered.
async fn next_frame(caller: &mut TcpStream, wanted: u8) -> Option<Vec<u8>> {
    loop {
        let mut head = [0; 9];
        timeout(WAIT_LIMIT, caller.read_exact(&mut head)).await.unwrap().ok()?;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        caller.read_exact(&mut payload).await.unwrap();
        if head[3] == PING && head[4] == 0 {
            head[4] = 1;
            caller.write_all(&[&head[..], &payload].concat()).await.unwrap();
        }
        if head[3] == wanted {
            return Some(payload);
        }
    }
}

#[tokio::test]
async fn callers_of_http_2_are_told_to_go_away_while_their_requests_are_answered() {
    let (upstream, permits) = waiting().await;
    let mut world = World::pinned(upstream, &[]).await;
    let mut caller = TcpStream::connect(world.proxy.proxy).await.unwrap();
    caller.write_all(REQUEST).await.unwrap();
    world.upstream.requests(1).await;
    world.proxy.signal("TERM");
    assert!(next_frame(&mut caller, GOAWAY).await.is_some());
    permits.add_permits(1);
    assert_eq!(next_frame(&mut caller, DATA).await.unwrap(), b"at last");
    while next_frame(&mut caller, DATA).await.is_some() {}
    assert!(world.proxy.ended().await.success());
}

/// The same request on the next stream.
const NEXT_REQUEST: &[u8] = b"\0\0\x06\x01\x05\0\0\0\x03\x82\x86\x84\x41\x01p";

/// The last stream that a GOAWAY without an error still serves (RFC 9113, section 6.8).
async fn last_stream(caller: &mut TcpStream) -> u32 {
    let goaway = next_frame(caller, GOAWAY).await.unwrap();
    assert_eq!(goaway[4..8], [0; 4], "{goaway:?}");
    u32::from_be_bytes([goaway[0], goaway[1], goaway[2], goaway[3]])
}

#[tokio::test]
async fn a_stream_that_is_opened_before_its_caller_has_heard_of_the_end_is_served() {
    let (upstream, permits) = waiting().await;
    let mut world = World::pinned(upstream, &[]).await;
    let mut caller = TcpStream::connect(world.proxy.proxy).await.unwrap();
    caller.write_all(REQUEST).await.unwrap();
    world.upstream.requests(1).await;
    world.proxy.signal("TERM");
    assert_eq!(last_stream(&mut caller).await, (1 << 31) - 1);
    // The PING behind it is not answered yet, so for all the proxy knows this crosses its word.
    caller.write_all(NEXT_REQUEST).await.unwrap();
    world.upstream.requests(2).await;
    assert_eq!(last_stream(&mut caller).await, 3);
    permits.add_permits(2);
    let mut data = Vec::new();
    while let Some(part) = next_frame(&mut caller, DATA).await {
        data.extend(part);
    }
    assert_eq!(data, b"at lastat last");
    assert!(world.proxy.ended().await.success());
}
