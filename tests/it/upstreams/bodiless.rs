//! Responses of HTTP/2 without a body whose stream ends in a DATA frame of its own, rather than with the header.

use super::frames::Frames;
use crate::support::Sts;
use crate::support::client::{Answer, Body, http2, send};
use crate::support::program::Program;
use http::Request;

/// `:status` by its places in HPACK's table, and as a literal.
const OK: &[u8] = &[0x88];
const NO_CONTENT: &[u8] = &[0x89];
const NOT_MODIFIED: &[u8] = &[0x8b];
const RESET_CONTENT: &[u8] = &[0x08, 3, b'2', b'0', b'5'];
/// A field `content-length` of one digit, without the digit.
const LENGTH: &[u8] = &[0x0f, 0x0d, 1];

/// An upstream that answers all requests so, and a proxy with a log line for each.
async fn answering(fields: Vec<u8>, content: &'static [u8], at_once: bool) -> (Frames, Sts, Program) {
    let upstream = Frames::scripted(move |_, mut connection| {
        let fields = fields.clone();
        async move {
            connection.greet(None).await?;
            loop {
                let stream = connection.request().await?;
                connection.answer_and_end(stream, &fields, content, at_once).await?;
            }
        }
    });
    let upstream = upstream.await;
    let (sts, host) = (Sts::start().await, upstream.address.to_string());
    let flags = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
    let proxy = Program::serve(&sts.url, &[&flags[..], &["--access-log"]].concat()).await;
    (upstream, sts, proxy)
}

#[tokio::test]
async fn a_response_without_a_body_is_whole_wherever_its_stream_ends() {
    let with = |status: &[u8], length: &[u8]| match length {
        [] => status.to_vec(),
        digit => [status, LENGTH, digit].concat(),
    };
    let cases: [(&str, u16, Vec<u8>, &[u8]); 9] = [
        ("HEAD", 200, with(OK, b"5"), b""),
        ("GET", 304, with(NOT_MODIFIED, b"5"), b""),
        ("GET", 304, with(NOT_MODIFIED, b""), b""),
        ("GET", 204, with(NO_CONTENT, b""), b""),
        ("GET", 204, with(NO_CONTENT, b"0"), b""),
        ("GET", 204, with(NO_CONTENT, b""), b"content"),
        ("GET", 304, with(NOT_MODIFIED, b""), b"content"),
        ("GET", 205, with(RESET_CONTENT, b"0"), b""),
        ("GET", 200, with(OK, b"0"), b""),
    ];
    for (method, status, fields, content) in cases {
        for at_once in [true, false] {
            let told = format!("{method} {status} {content:?}, at once: {at_once}");
            let (upstream, _sts, mut proxy) = answering(fields.clone(), content, at_once).await;
            let request = |uri: &str| {
                Request::builder().method(method).uri(uri).header("host", "p").body(Body::default()).unwrap()
            };
            let over_http1 = send(proxy.proxy, request("/one")).await;
            let (mut sender, _connection) = http2(proxy.proxy).await;
            let over_http2 = Answer::read(sender.send_request(request("http://p/two")).await.unwrap()).await;
            for answer in [over_http1, over_http2] {
                assert_eq!((answer.status.as_u16(), &answer.body[..]), (status, &b""[..]), "{told}");
                let length = answer.header("content-length");
                let states = fields.ends_with(b"5");
                assert!(
                    if states { length == Some("5") } else { length.is_none_or(|length| length == "0") },
                    "{told}"
                );
            }
            for path in ["/one", "/two"] {
                let line = proxy.logged(|line| line["path"] == path).await;
                assert_eq!(line["outcome"], "ok", "{told}: {line}");
            }
            assert_eq!(upstream.connections(), 1, "{told}");
        }
    }
}

/// The HTTP/2 library counts what it takes for errors of an upstream, and ends a connection with many.
#[tokio::test]
async fn many_such_responses_do_not_end_their_connection() {
    let (upstream, _sts, proxy) = answering([NOT_MODIFIED, LENGTH, b"5"].concat(), b"", true).await;
    let (sender, _connection) = http2(proxy.proxy).await;
    for _ in 0..1200 {
        let answer = sender.clone().send_request(Request::get("http://p/").body(Body::default()).unwrap());
        assert_eq!(answer.await.unwrap().status().as_u16(), 304);
    }
    assert_eq!(upstream.connections(), 1);
}
