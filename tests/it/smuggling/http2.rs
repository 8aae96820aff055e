//! Cases in HTTP/2, framed by hand, because no client would send them. What one request gets wrong is its stream's own
//! business, so the marker on the next stream may come through whatever became of it.

use super::case::{Outcome, SMUGGLED};
use crate::support::program::WAIT_LIMIT;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// What a caller sends on a stream, and what may become of it.
pub struct Case {
    pub name: &'static str,
    pub outcome: Outcome,
    fields: Fields,
    data: Vec<&'static [u8]>,
    trailers: Option<Fields>,
}

pub fn cases() -> Vec<Case> {
    [lengths(), names_and_values(), pseudo_fields(), trailers()].into_iter().flatten().collect()
}

fn lengths() -> Vec<Case> {
    let hello: Vec<&'static [u8]> = vec![b"hel", b"lo"];
    let length = |value: &str| request("POST", &[("content-length", value.as_bytes())]);
    let two = |first: &str, second: &str| {
        request("POST", &[("content-length", first.as_bytes()), ("content-length", second.as_bytes())])
    };
    vec![
        forwarded("a counted body", length("5"), &hello, b"hello"),
        forwarded("an uncounted body", request("POST", &[]), &hello, b"hello"),
        forwarded("an uncounted body of GET", request("GET", &[]), &hello, b"hello"),
        forwarded("an empty uncounted body of GET", request("GET", &[]), &[b""], b""),
        forwarded("no body", request("POST", &[]), &[], b""),
        forwarded("a length of zero", length("0"), &[], b""),
        forwarded("a length of two zeros", length("00"), &[], b""),
        forwarded("two lengths alike", two("5", "5"), &hello, b"hello"),
        forwarded("two lengths of zero", two("0", "0"), &[], b""),
        forwarded("zeros in front", length("005"), &hello, b"hello"),
        forwarded("a request for a body", request("POST", &[]), &[SMUGGLED], SMUGGLED),
        refused("two lengths that differ", two("5", "0"), &hello),
        refused("a length with a plus", length("+5"), &hello),
        refused("two lengths in one", length("5, 5"), &hello),
        refused("a length that is none", length("x"), &hello),
        refused("a length for no body", length("5"), &[]),
        cut("H2.CL, too short", length("0"), &[SMUGGLED]),
        cut("H2.CL, one byte short", length("4"), &hello),
        cut("H2.CL, too long", length("500"), &hello),
    ]
}

fn names_and_values() -> Vec<Case> {
    let mut cases = Vec::new();
    let with = |name: &str, value: &[u8]| request("POST", &[(name, value)]);
    for (name, value) in [
        ("transfer-encoding", &b"chunked"[..]),
        ("transfer-encoding", b""),
        ("connection", b"close"),
        ("connection", b"host, authorization"),
        ("keep-alive", b"timeout=5"),
        ("proxy-connection", b"keep-alive"),
        ("upgrade", b"websocket"),
        ("te", b"gzip"),
        ("te", b"trailers, gzip"),
        ("Uppercase", b"x"),
        ("Content-Length", b"0"),
        ("x y", b"x"),
        ("x:", b"x"),
        ("", b"x"),
        ("x\r\ntransfer-encoding", b"chunked"),
        ("x: y\r\ntransfer-encoding: chunked\r\nz", b"x"),
        ("x\0", b"x"),
        ("\"x\"", b"x"),
        ("x\u{e9}", b"x"),
        ("x", b"a\r\ntransfer-encoding: chunked"),
        ("x", b"a\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: evil.example\r\n\r\n"),
        ("x", b"a\nb: c"),
        ("x", b"a\rb"),
        ("x", b"a\0b"),
        ("x", b"\x7f"),
        ("transfer-encoding ", b"chunked"),
        ("transfer-encoding\t", b"chunked"),
    ] {
        cases.push(refused("a field that HTTP/2 forbids", with(name, value), &[b"0\r\n\r\n", SMUGGLED]));
    }
    for (name, value) in [
        ("te", &b"trailers"[..]),
        ("host", b"evil.example"),
        ("transfer_encoding", b"chunked"),
        ("authorization", b"Bearer mine"),
        ("proxy-authorization", b"Basic bWluZQ=="),
        ("http2-settings", b"AAMAAABk"),
        ("x", b"\xff"),
        ("expect", b"100-continue"),
    ] {
        cases.push(forwarded("a field that HTTP/2 allows", with(name, value), &[b"hello"], b"hello"));
    }
    let hosts = request("GET", &[("host", b"a"), ("host", b"b")]);
    cases.push(refused("two hosts", hosts, &[]));
    cases
}

fn pseudo_fields() -> Vec<Case> {
    let replaced = |name: &str, value: &[u8]| {
        let mut fields = request("POST", &[]);
        fields.retain(|(candidate, _)| candidate != name.as_bytes());
        fields.insert(0, (name.into(), value.into()));
        fields
    };
    let without = |name: &str| {
        let mut fields = request("POST", &[]);
        fields.retain(|(candidate, _)| candidate != name.as_bytes());
        fields
    };
    let mut cases = Vec::new();
    for (name, value) in [
        (":path", &b"/case HTTP/1.1\r\nhost: evil.example\r\n\r\nGET /smuggled"[..]),
        (":path", b"/case a"),
        (":path", b"/case\0"),
        (":path", b"/case\tb"),
        (":path", b""),
        (":path", b"*"),
        (":method", b"GET /smuggled HTTP/1.1\r\nhost: evil.example\r\n\r\nPOST"),
        (":method", b"GET "),
        (":method", b""),
        (":method", b"CONNECT"),
        (":authority", b"a\r\nx: y"),
        (":authority", b"a b"),
        (":scheme", b"http\r\nx: y"),
        (":status", b"200"),
        (":odd", b"x"),
    ] {
        cases.push(refused("a pseudo-field that cannot be", replaced(name, value), &[]));
    }
    for name in [":method", ":scheme", ":path"] {
        cases.push(refused("a pseudo-field that is missing", without(name), &[]));
    }
    let websocket = |method: &str| {
        let mut fields = request(method, &[]);
        fields.insert(0, (b":protocol".to_vec(), b"websocket".to_vec()));
        fields
    };
    // The upstream does not switch, so what was meant for the pipe goes nowhere.
    cases.push(forwarded("a WebSocket that does not come about", websocket("CONNECT"), &[SMUGGLED], b""));
    cases.push(refused("a protocol without a tunnel", websocket("GET"), &[SMUGGLED]));
    let mut late = without(":path");
    late.extend([(b"x".to_vec(), b"y".to_vec()), (b":path".to_vec(), b"/case".to_vec())]);
    cases.push(refused("a pseudo-field behind others", late, &[]));
    let mut twice = request("POST", &[]);
    twice.insert(0, (b":path".to_vec(), b"/smuggled".to_vec()));
    cases.push(refused("a pseudo-field twice", twice, &[]));
    cases.push(forwarded("no authority", without(":authority"), &[], b""));
    cases.push(forwarded("another authority", replaced(":authority", b"evil.example"), &[], b""));
    cases.push(refused("an authority with a user", replaced(":authority", b"u:p@evil.example"), &[]));
    cases.push(forwarded("another scheme", replaced(":scheme", b"ftp"), &[], b""));
    cases
}

fn trailers() -> Vec<Case> {
    let with = |name: &'static str, fields: &[(&str, &[u8])], outcome| Case {
        name,
        outcome,
        fields: request("POST", &[("trailer", b"x-sum, content-length, host, authorization")]),
        data: vec![b"hello"],
        trailers: Some(owned(fields)),
    };
    let hello = || Outcome::Forwarded(b"hello".to_vec());
    vec![
        with("a trailer", &[("x-sum", b"1")], hello()),
        with("a length in a trailer", &[("content-length", b"500")], hello()),
        with(
            "a host and a token in a trailer",
            &[("host", b"evil"), ("authorization", b"Bearer mine")],
            hello(),
        ),
        with("a coding in a trailer", &[("transfer-encoding", b"chunked")], Outcome::Cut),
        // Only what names the request is read from pseudo-fields, so this one comes to nothing.
        with("a pseudo-field in a trailer", &[(":path", b"/smuggled")], hello()),
        with("a line break in a trailer", &[("x-sum", b"1\r\nhost: evil")], Outcome::Cut),
        with("quotes in a trailer's name", &[("\"x\"", b"1")], Outcome::Cut),
        with("a capital in a trailer", &[("X-Sum", b"1")], Outcome::Cut),
    ]
}

fn forwarded(name: &'static str, fields: Fields, data: &[&'static [u8]], body: &[u8]) -> Case {
    Case { name, outcome: Outcome::Forwarded(body.to_vec()), fields, data: data.to_vec(), trailers: None }
}

fn refused(name: &'static str, fields: Fields, data: &[&'static [u8]]) -> Case {
    Case { name, outcome: Outcome::Refused, fields, data: data.to_vec(), trailers: None }
}

fn cut(name: &'static str, fields: Fields, data: &[&'static [u8]]) -> Case {
    Case { name, outcome: Outcome::Cut, fields, data: data.to_vec(), trailers: None }
}

fn request(method: &str, fields: &[(&str, &[u8])]) -> Fields {
    let pseudo: [(&str, &[u8]); 4] = [
        (":method", method.as_bytes()),
        (":scheme", b"http"),
        (":authority", b"caller.example"),
        (":path", b"/case"),
    ];
    owned(&[&pseudo[..], fields].concat())
}

fn owned(fields: &[(&str, &[u8])]) -> Fields {
    fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect()
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Sends the case on stream 1 and a marker on stream 3, and reads until both have ended, or the connection has.
pub async fn converse(proxy: SocketAddr, case: &Case, path: &str) {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    bytes.extend(frames(case, path));
    let mut marker = request("GET", &[]);
    marker.pop();
    marker.push((b":path".to_vec(), format!("{path}marker").into_bytes()));
    bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, 3, &block(&marker)));
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    let talk = async {
        // The proxy may have seen enough, and closed, before it has taken everything.
        let _ = stream.write_all(&bytes).await;
        let mut open = vec![1, 3];
        while !open.is_empty() {
            let mut head = [0; 9];
            let mut payload = Vec::new();
            let Ok(_) = stream.read_exact(&mut head).await else { return };
            payload.resize(u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize, 0);
            let Ok(_) = stream.read_exact(&mut payload).await else { return };
            let ends = match head[3] {
                DATA | HEADERS => head[4] & END_STREAM != 0,
                kind => kind == RST_STREAM,
            };
            let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            open.retain(|stream| !ends || *stream != id);
        }
    };
    assert!(timeout(WAIT_LIMIT, talk).await.is_ok(), "no end of {}", case.name);
}

fn frames(case: &Case, path: &str) -> Vec<u8> {
    let fields: Fields =
        case.fields.iter().map(|(name, value)| (name.clone(), super::numbered(value, path))).collect();
    let bare = case.data.is_empty() && case.trailers.is_none();
    let flags = if bare { END_HEADERS | END_STREAM } else { END_HEADERS };
    let mut bytes = frame(HEADERS, flags, 1, &block(&fields));
    for (index, data) in case.data.iter().enumerate() {
        let ends = index + 1 == case.data.len() && case.trailers.is_none();
        bytes.extend(frame(DATA, u8::from(ends), 1, data));
    }
    if let Some(trailers) = &case.trailers {
        bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(trailers)));
    }
    bytes
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Every field as a literal without a place in the table (RFC 7541, section 6.2.2), no Huffman code.
fn block(fields: &Fields) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| [vec![0], string(name), string(value)].concat()).collect()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    // A length of 127 or more goes on in another byte.
    let length = match u8::try_from(bytes.len()).unwrap() {
        short @ ..127 => vec![short],
        long => vec![127, long - 127],
    };
    [length, bytes.to_vec()].concat()
}
