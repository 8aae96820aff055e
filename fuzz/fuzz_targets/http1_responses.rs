//! What an upstream answers to one request: attache reads the response that hyper reads, or an error for a reason that is
//! named here, and it does not matter how the bytes are cut.
#![no_main]

mod pieces;

use attache::http1::client::{Connection, Remains};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use libfuzzer_sys::fuzz_target;
use pieces::{Pieces, UNTIL_END};
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::time::sleep;

/// The most bytes of a header that attache reads.
const MAX_BUFFERED: usize = 128 * 1024;
/// The most fields of a header that attache reads.
const MAX_FIELDS: usize = 500;

fuzz_target!(|input: &[u8]| {
    let Some((kind, input)) = input.split_first() else { return };
    let Some(pieces) = Pieces::of(input) else { return };
    let method = if kind % 2 == 0 { Method::GET } else { Method::HEAD };
    let ours = ask(&method, &pieces, by_attache);
    assert_eq!(ours, ask(&method, &pieces.whole(), by_attache), "cut, and whole");
    let theirs = ask(&method, &pieces, by_hyper);
    match (&ours, &theirs) {
        (Some(ours), Some(theirs)) => alike(ours, theirs, pieces.bytes()),
        (Some(ours), None) => panic!("only attache: {ours:#?}"),
        (None, Some(theirs)) => assert!(is_refused(theirs), "only hyper: {theirs:#?}"),
        (None, None) => {}
    }
});

/// A response, as far as it came.
#[derive(Debug, PartialEq)]
struct Seen {
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    body: Vec<u8>,
    trailers: HeaderMap,
    is_whole: bool,
    /// The connection can take another request.
    is_kept: bool,
}

impl Seen {
    /// Reads the body. Whether the connection is kept is to be found out behind it.
    async fn read<B: Body<Data = Bytes> + Unpin>(response: Response<B>) -> (Self, B) {
        let (head, mut body) = response.into_parts();
        let mut seen = Self {
            status: head.status,
            version: head.version,
            headers: head.headers,
            body: Vec::new(),
            trailers: HeaderMap::new(),
            is_whole: true,
            is_kept: false,
        };
        while let Some(frame) = body.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => seen.body.extend_from_slice(&data),
                Ok(Err(frame)) => seen.trailers.extend(frame.into_trailers().expect("the only other kind")),
                Err(_) => {
                    seen.is_whole = false;
                    break;
                }
            }
        }
        (seen, body)
    }
}

/// What becomes of a request of this method when these pieces are the answer.
fn ask(
    method: &Method,
    pieces: &Pieces<'_>,
    client: impl AsyncFnOnce(DuplexStream, Request<Empty<Bytes>>) -> Option<Seen>,
) -> Option<Seen> {
    let mut request = Request::new(Empty::new());
    *request.method_mut() = method.clone();
    request.headers_mut().insert(HOST, HeaderValue::from_static("a"));
    let (mut upstream, stream) = duplex(1 << 20);
    let answering = async {
        let mut asked = [0; 1024];
        // What comes before the question is no answer.
        let _ = upstream.read(&mut asked).await;
        pieces.send(upstream).await;
    };
    pieces::run(async { tokio::join!(answering, client(stream, request)).1 })
}

async fn by_attache(stream: DuplexStream, request: Request<Empty<Bytes>>) -> Option<Seen> {
    let (head, body) = request.into_parts();
    let head = Request::from_parts(head, ());
    let response = Connection::new(Box::new(stream)).send(&head, body).await.ok()?;
    let (mut seen, body) = Seen::read(response).await;
    if let Remains::Connection(mut connection) = body.end() {
        all_sent().await;
        seen.is_kept = connection.is_silent();
    }
    Some(seen)
}

async fn by_hyper(stream: DuplexStream, request: Request<Empty<Bytes>>) -> Option<Seen> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_BUFFERED).max_headers(MAX_FIELDS);
    builder.allow_spaces_after_header_name_in_responses(true);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.ok()?;
    let asking = async {
        let response: Response<Incoming> = sender.send_request(request).await.ok()?;
        let (mut seen, _) = Seen::read(response).await;
        all_sent().await;
        seen.is_kept = sender.is_ready();
        Some(seen)
    };
    tokio::join!(connection, asking).1
}

/// When the upstream has sent everything, and has not closed the connection yet.
async fn all_sent() {
    sleep(UNTIL_END / 2).await;
}

fn alike(ours: &Seen, theirs: &Seen, bytes: &[u8]) {
    let both = || format!("attache: {ours:#?}\nhyper: {theirs:#?}");
    assert_eq!((ours.status, ours.version), (theirs.status, theirs.version));
    assert!(ours.headers == theirs.headers && ours.headers.iter().eq(&theirs.headers), "{}", both());
    if codings(&ours.headers).any(is_none) {
        // hyper takes the body to end with the connection unless `chunked` is the last member.
        return;
    }
    assert_eq!(ours.body, theirs.body, "{}", both());
    if ours.is_whole || !theirs.is_whole {
        assert_eq!(ours.is_whole, theirs.is_whole, "{}", both());
        assert!(ours.trailers.iter().eq(&theirs.trailers), "{}", both());
    } else {
        // A line of the trailers, perhaps the empty one that ends them, that ends without CR.
        let has_bare_lf = bytes.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r');
        assert!(ours.trailers.is_empty() && has_bare_lf, "{}", both());
    }
    assert!(!ours.is_kept || theirs.is_kept || is_kept_by_attache(ours), "{}", both());
}

/// hyper sees nothing in a `Connection` that is not ASCII throughout, attache its other members. That an upstream of HTTP/1.0
/// keeps the connection is one of them, and what it sends with the next response is read in the same way.
fn is_kept_by_attache(response: &Seen) -> bool {
    let mut connection = response.headers.get_all(CONNECTION).iter();
    response.version == Version::HTTP_10 && connection.any(|value| value.to_str().is_err())
}

/// Why attache refuses what hyper reads: a coding that it cannot undo, or lengths of which hyper reads nothing, because there is
/// no body or another coding than `chunked`. A list of lengths that are alike (RFC 9110, section 8.6, leaves that open) and one
/// of more bytes than a file can have are refused everywhere.
fn is_refused(response: &Seen) -> bool {
    let is_unknown = |coding: &[u8]| !is_none(coding) && !coding.eq_ignore_ascii_case(b"chunked");
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let lengths: Vec<_> = response.headers.get_all(CONTENT_LENGTH).iter().map(length).collect();
    codings(&response.headers).any(is_unknown)
        || codings(&response.headers).filter(|coding| is_chunked(coding)).count() > 1
        || lengths.contains(&None)
        || lengths.windows(2).any(|pair| pair[0] != pair[1])
}

fn codings(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes);
    values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

/// Whether a member of the codings says that there is none.
fn is_none(coding: &[u8]) -> bool {
    coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")
}

fn length(value: &HeaderValue) -> Option<i64> {
    let digits = value.to_str().ok()?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
