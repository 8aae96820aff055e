//! Request targets with bytes that RFC 3986 wants encoded: clients send them raw, and upstreams may mean something by them.

use crate::support::World;
use crate::support::client::{get, http2, raw};
use crate::support::upstream::Upstream;
use crate::support::wire::Wire;
use attache::tasks::Owned;
use http::StatusCode;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

/// An upstream that keeps the first line of each request, byte for byte.
async fn lines() -> (String, Arc<Mutex<Vec<Vec<u8>>>>, Owned) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = lines.clone();
    let task = crate::support::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = Vec::new();
            while !read.windows(4).any(|end| end == b"\r\n\r\n") {
                assert!(stream.read_buf(&mut read).await.unwrap() > 0);
            }
            let end = read.iter().position(|byte| *byte == b'\r').unwrap();
            kept.lock().await.push(read[..end].to_vec());
            let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
    });
    (address, lines, task)
}

#[tokio::test]
async fn targets_arrive_byte_for_byte() {
    let (address, seen, _task) = lines().await;
    let sts = crate::support::Sts::start().await;
    let flags = ["--upstream-host", &address, "--upstream-scheme", "http"];
    let proxy = crate::support::program::Program::serve(&sts.url, &flags).await;
    for (target, arrives) in [
        (&b"/q?x={\"a\":1}"[..], &b"/q?x={\"a\":1}"[..]),
        (b"/p<a>`b`^|\\{}?<a>`", b"/p<a>`b`^|\\{}?<a>`"),
        (b"/caf\xe9?n=caf\xe9", b"/caf\xe9?n=caf\xe9"),
        ("/caf\u{e9}?n=\u{e9}".as_bytes(), "/caf\u{e9}?n=\u{e9}".as_bytes()),
        (b"/f#frag?y", b"/f#frag?y"),
        (b"http://a?x=1", b"/?x=1"),
        (b"http://a/b#c", b"/b#c"),
    ] {
        let request = [b"GET ", target, b" HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"].concat();
        let answer = raw(proxy.proxy, &request).await;
        let about = String::from_utf8_lossy(target).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{about}: {answer}");
        let line = seen.lock().await.pop().unwrap();
        assert_eq!(line, [b"GET ", arrives, b" HTTP/1.1"].concat(), "{about}");
    }
}

#[tokio::test]
async fn an_http_2_upstream_gets_them_percent_encoded() {
    let wire = Upstream::echo().await;
    let flags = ["--upstream-protocol", "http2"];
    let world = World::pinned(wire, &flags).await;
    let paths = || {
        world
            .upstream
            .seen()
            .into_iter()
            .map(|seen| seen.uri.path_and_query().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    let answer = raw(
        world.proxy.proxy,
        b"GET /q<?x={\"a\":1}&n=\xe9 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(paths(), ["/q%3C?x=%7B%22a%22:1%7D&n=%E9"]);
    let [encoded, raw_bytes] =
        ["%22%3C%3E%5C%5E%60%7B%7C%7D%C3%A9", "\"<>\\^`{|}\u{e9}"].map(|text| format!("/{text}?{text}"));
    let text = format!("GET {raw_bytes} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert!(raw(world.proxy.proxy, text.as_bytes()).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(paths().pop().unwrap(), encoded);
    let (mut sender, _connection) = http2(world.proxy.proxy).await;
    let answer = sender.send_request(get("http://p/{|}?{|}", &[])).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(paths().pop().unwrap(), "/%7B%7C%7D?%7B%7C%7D");
}

#[tokio::test]
async fn a_refused_target_leaves_a_line_and_its_byte_is_named() {
    let mut wire = Wire::start(&["--access-log", "--log-level", "debug"]).await;
    let request = b"GET /a\x01b HTTP/1.1\r\nhost: a\r\n\r\n";
    assert!(raw(wire.proxy.proxy, request).await.starts_with("HTTP/1.1 400 "));
    let line = wire.proxy.logged(|line| line["status"] == 400).await;
    assert_eq!((&line["method"], &line["path"]), (&"GET".into(), &"/a%01b".into()), "{line}");
    let line = wire.proxy.logged(|line| line["msg"] == "request refused").await;
    assert!(line["error"].as_str().unwrap().contains("byte 0x01 in the request target"), "{line}");
    assert!(raw(wire.proxy.proxy, b"\x16\x03\x01\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    wire.proxy.logged(|line| line["status"] == 400 && line["method"] == "-").await;
}

#[tokio::test]
async fn a_path_of_http_2_begins_with_a_slash_and_its_authority_has_no_user() {
    let world = World::start().await;
    let (mut sender, _connection) = http2(world.proxy.proxy).await;
    for wrong in ["http://p?x=1", "http://user:secret@p/"] {
        let answer = sender.send_request(get(wrong, &[])).await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
    let answer = sender.send_request(get("http://p/", &[("x-blank", "a")])).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(world.upstream.seen().len(), 1);
}
