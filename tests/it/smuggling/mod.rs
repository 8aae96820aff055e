//! What two readers may read differently is refused, or leaves in a form that all readers read alike. Every case is
//! sent with a second request right behind it, through the built program, to an upstream that reads for itself.
#![allow(unreachable_pub, reason = "nobody else uses what the files of one test share")]

mod case;
mod chunks;
mod framing;
mod header;
mod http2;
mod judgement;
mod message;
mod recorder;

use crate::support::certificates::Certificates;
use crate::support::program::{Program, WAIT_LIMIT};
use crate::support::upstream::{Upstream, text};
use crate::support::{Sts, World};
use case::Case;
use http_body_util::BodyExt;
use judgement::Judgement;
use recorder::Recorder;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn no_request_is_read_differently_behind_the_proxy() {
    judge_all(usize::MAX).await;
}

#[tokio::test]
async fn nor_when_it_comes_in_small_pieces() {
    judge_all(5).await;
}

/// Judges every case, sent in pieces of this many bytes.
async fn judge_all(piece: usize) {
    let cases: Vec<Case> = [
        framing::both(),
        framing::codings(),
        framing::lengths(),
        framing::methods(),
        chunks::sizes(),
        chunks::ends(),
        chunks::trailers(),
        header::request_lines(),
        header::fields(),
        header::hosts(),
        header::hops(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let upstream = Recorder::start().await;
    let (proxy, _sts) = serve(&upstream).await;
    let mut judgement = Judgement::new(upstream.address, false);
    for (number, case) in cases.iter().enumerate() {
        let path = format!("/case-{number}-");
        let marker =
            format!("GET {path}marker HTTP/1.1\r\nhost: caller.example\r\nconnection: close\r\n\r\n");
        let bytes = [numbered(&case.bytes, &path), marker.into_bytes()].concat();
        let answer = converse(proxy.proxy, &bytes, piece).await;
        judgement.expect(number, case.name, &case.outcome, &answer);
    }
    // The upstream's connections end with the proxy, so that nothing can come later.
    drop(proxy);
    judgement.close(upstream.finish().await);
}

#[tokio::test]
async fn no_http_2_request_is_read_differently_as_http_1() {
    let cases = http2::cases();
    let upstream = Recorder::start().await;
    let (proxy, _sts) = serve(&upstream).await;
    let mut judgement = Judgement::new(upstream.address, true);
    for (number, case) in cases.iter().enumerate() {
        let path = format!("/case-{number}-");
        http2::converse(proxy.proxy, case, &path).await;
        judgement.expect(number, case.name, &case.outcome, b"");
    }
    drop(proxy);
    judgement.close(upstream.finish().await);
}

/// A response that the upstream sends unasked answers no request.
#[tokio::test]
async fn no_caller_gets_the_answer_to_anothers_request() {
    let answer =
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    let upstream = Recorder::answering(answer).await;
    let (proxy, _sts) = serve(&upstream).await;
    for _ in 0..20 {
        let request = b"GET / HTTP/1.1\r\nhost: caller.example\r\nconnection: close\r\n\r\n";
        let answer = converse(proxy.proxy, request, usize::MAX).await;
        assert!(answer.ends_with(b"\r\n\r\nok"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn an_upstreams_two_lengths_become_one() {
    let answers: [(&'static [u8], &[u8]); 3] = [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"\r\nhello\r\n"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 99\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"\r\nhello\r\n"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 005\r\ncontent-length: 5\r\n\r\nhello", b"content-length: 5\r\n"),
    ];
    for (sent, wanted) in answers {
        let upstream = Recorder::answering(sent).await;
        let (proxy, _sts) = serve(&upstream).await;
        let request = b"GET / HTTP/1.1\r\nhost: caller.example\r\nconnection: close\r\n\r\n";
        let answer = converse(proxy.proxy, request, usize::MAX).await;
        let answer = answer.to_ascii_lowercase();
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.windows(wanted.len()).any(|window| window == wanted), "{text}");
        let lengths = text.matches("content-length").count() + text.matches("transfer-encoding").count();
        assert_eq!(lengths, 1, "{text}");
    }
}

#[tokio::test]
async fn an_http_2_upstream_gets_the_whole_body_and_only_what_trailers_may_say() {
    let certificates = Certificates::new("smuggling-h2");
    let upstream = Upstream::start(Some(certificates.acceptor(&["h2"])), |request| async {
        let body = request.into_body().collect().await.unwrap();
        let mut trailers: Vec<_> = body.trailers().unwrap().keys().map(ToString::to_string).collect();
        trailers.sort();
        text([trailers.join(" ").as_bytes(), b" ", &body.to_bytes()].concat())
    });
    let flags = ["--upstream-ca-cert", &certificates.path("ca.pem")];
    let world = World::pinned(upstream.await, &flags).await;
    let lines = "te: trailers\r\ntransfer-encoding: chunked\r\nconnection: close";
    let body = "5\r\nhello\r\n0\r\nx-a: 1\r\nhost: evil.example\r\nauthorization: Bearer mine\r\n\
                content-length: 9\r\nconnection: x-b\r\nx-b: 1\r\ntransfer-encoding: chunked\r\n\r\n";
    let start = "GET / HTTP/1.1\r\nhost: caller.example";
    let answer = converse(world.proxy.proxy, &case::request(start, lines, body), usize::MAX).await;
    assert!(answer.ends_with(b"\r\n\r\nx-a hello"), "{}", String::from_utf8_lossy(&answer));
    let seen = world.upstream.only_request();
    assert_eq!((seen.only("content-length"), seen.only("transfer-encoding")), (None, None));
}

/// The program, pinned to this upstream, and where its tokens come from.
async fn serve(upstream: &Recorder) -> (Program, Sts) {
    let sts = Sts::start().await;
    let address = upstream.address.to_string();
    let flags = [
        "--upstream-host",
        &address,
        "--upstream-scheme",
        "http",
        "--idle-timeout",
        "1s",
        "--header-read-timeout",
        "1s",
    ];
    (Program::serve(&sts.url, &flags).await, sts)
}

/// The bytes with their first `/case` numbered.
fn numbered(bytes: &[u8], path: &str) -> Vec<u8> {
    let Some(at) = bytes.windows(5).position(|window| window == b"/case") else { return bytes.to_vec() };
    [&bytes[..at], path.as_bytes(), &bytes[at + 5..]].concat()
}

/// Sends the bytes, in pieces of so many, and returns all that comes until the connection ends, in whatever way.
async fn converse(address: SocketAddr, bytes: &[u8], piece: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Or the system would put the pieces together again.
    stream.set_nodelay(true).unwrap();
    let (mut from, mut to) = stream.split();
    let mut answer = Vec::new();
    let say = async {
        for piece in bytes.chunks(piece) {
            // The proxy may have seen enough, and closed, before it has taken everything.
            if to.write_all(piece).await.is_err() {
                return;
            }
        }
    };
    let hear = async { while let Ok(1..) = from.read_buf(&mut answer).await {} };
    let talk = async { tokio::join!(say, hear) };
    assert!(timeout(WAIT_LIMIT, talk).await.is_ok(), "no end after {:?}", String::from_utf8_lossy(bytes));
    answer
}
