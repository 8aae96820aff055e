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

/// What attache gave hyper as the most of a header.
const MOST_BUFFERED: usize = 64 * 1024;

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
    builder.max_buf_size(MOST_BUFFERED);
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

/// Why attache refuses what hyper reads: a coding that is no name, of which hyper reads nothing; a list of lengths that are
/// alike (RFC 9110, section 8.6, leaves that open), and one of more bytes than a file can have.
fn is_refused(response: &Seen) -> bool {
    let headers = &response.headers;
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter().map(HeaderValue::to_str);
    if headers.contains_key(TRANSFER_ENCODING) {
        return codings.any(|value| value.to_str().is_err());
    }
    lengths.any(|length| length.is_ok_and(|length| length.contains(',') || length.parse::<i64>().is_err()))
}
