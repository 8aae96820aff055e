//! What a caller sends on one connection: attache reads the requests that hyper reads, or stops before one for a reason that
//! is named here, and it does not matter how the bytes are cut.
#![no_main]

mod pieces;

use attache::http1::error::Error;
use attache::http1::request_body::RequestBody;
use attache::http1::server::{Answering, Connection, Handler};
use attache::http1::stream::CallerStream;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use libfuzzer_sys::fuzz_target;
use pieces::Pieces;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

/// The most bytes of a header that attache reads.
const MAX_BUFFERED: usize = 128 * 1024;
/// The most fields of a header that attache reads.
const MAX_FIELDS: usize = 500;

fuzz_target!(|input: &[u8]| {
    let Some(pieces) = Pieces::of(input) else { return };
    let ours = serve(&pieces, Bodies::Read, by_attache);
    assert_eq!(ours, serve(&pieces.whole(), Bodies::Read, by_attache), "cut, and whole");
    skipped_alike(&ours, &serve(&pieces, Bodies::Ignored, by_attache));
    let theirs = serve(&pieces, Bodies::Read, by_hyper);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        alike(ours, theirs);
    }
    if let Some(next) = ours.get(theirs.len()) {
        let is_known = theirs.last().is_some_and(outlives) || is_encoded(next, pieces.bytes());
        assert!(is_known, "only attache: {next:#?}");
    }
    if let Some(next) = theirs.get(ours.len()) {
        let is_known = is_refused(next, pieces.bytes()) || ours.last().is_some_and(closes);
        assert!(is_known, "only hyper: {next:#?}");
    }
});

/// A request whose body came whole.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    method: Method,
    target: String,
    version: Version,
    headers: HeaderMap,
    body: Bytes,
    trailers: HeaderMap,
}

/// What happens to the bodies of requests.
#[derive(Clone, Copy, PartialEq)]
enum Bodies {
    Read,
    Ignored,
}

#[derive(Clone)]
struct Record {
    bodies: Bodies,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Record {
    async fn add<B: Body<Data = Bytes>>(self, request: Request<B>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let read = match self.bodies {
            Bodies::Read => body.collect().await.map(|read| (read.trailers().cloned(), read.to_bytes())),
            Bodies::Ignored => Ok((None, Bytes::new())),
        };
        let Ok((trailers, body)) = read else { return answer(StatusCode::BAD_REQUEST) };
        // As attache does. Behind a success another protocol begins, and only hyper has that to offer.
        let is_tunnel = head.method == Method::CONNECT;
        self.seen.lock().expect("nothing panics while holding this lock").push(Seen {
            method: head.method,
            target: head.uri.to_string(),
            version: head.version,
            headers: head.headers,
            body,
            trailers: trailers.unwrap_or_default(),
        });
        answer(if is_tunnel { StatusCode::METHOD_NOT_ALLOWED } else { StatusCode::OK })
    }
}

impl Handler for Record {
    type Body = Full<Bytes>;

    fn header_begun(&self) {}

    fn answer(&self, request: Request<RequestBody>) -> Answering<Self::Body> {
        Box::pin(self.clone().add(request))
    }

    fn refuse(&self, _: Error, _: &Request<()>) -> Response<Self::Body> {
        answer(StatusCode::BAD_REQUEST)
    }
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from("short"));
    *response.status_mut() = status;
    response
}

/// The requests that a server sees when these pieces are all that a caller sends.
fn serve(pieces: &Pieces<'_>, bodies: Bodies, server: impl AsyncFnOnce(DuplexStream, Record)) -> Vec<Seen> {
    let record = Record { bodies, seen: Arc::default() };
    // All answers have room, because they are not read.
    let (caller, stream) = duplex(1 << 20);
    pieces::run(async {
        tokio::join!(pieces.send(caller), server(stream, record.clone()));
    });
    let seen = record.seen.lock().expect("nothing panics while holding this lock");
    seen.clone()
}

/// The stream of a caller. Nothing is reset in memory.
struct Caller(DuplexStream);

impl CallerStream for Caller {
    fn reset_when_dropped(&self) {}

    fn failure(&self) -> Option<io::Error> {
        None
    }
}

impl AsyncRead for Caller {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Caller {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

async fn by_attache(stream: DuplexStream, record: Record) {
    // How it ends is compared by what was seen.
    let _ = Connection::new(Bytes::new(), Caller(stream), record).await;
}

async fn by_hyper(stream: DuplexStream, record: Record) {
    let service = service_fn(|request| {
        let record = record.clone();
        async { Ok::<_, Infallible>(record.add(request).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .half_close(false)
        .max_buf_size(MAX_BUFFERED)
        .max_header_size(MAX_BUFFERED)
        .max_headers(MAX_FIELDS);
    let _ = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

/// Where the bodies are not read, the requests begin at the same places. The last may have a body that is not whole.
fn skipped_alike(read: &[Seen], skipped: &[Seen]) {
    for (read, skipped) in read.iter().zip(skipped) {
        let bodiless = Seen { body: Bytes::new(), trailers: HeaderMap::new(), ..read.clone() };
        assert_eq!(&bodiless, skipped);
    }
    assert!([read.len(), read.len() + 1].contains(&skipped.len()), "read: {read:#?}\nskipped: {skipped:#?}");
}

fn alike(ours: &Seen, theirs: &Seen) {
    let mut expected = theirs.clone();
    if ours.target.starts_with(&format!("{}%23", encoded(&theirs.target))) {
        // hyper drops a fragment.
        expected.target.clone_from(&ours.target);
    }
    if let Some(length) = lone_length(&ours.headers) {
        // A length that is stated twice is written anew, without the zeros in front that the first may have.
        let stated = lone_length(&theirs.headers).expect("both have a length");
        let value: u64 = stated.parse().expect("a length is a number");
        assert!(length == stated || length == value.to_string(), "{length} and {stated}");
        expected.headers.insert(CONTENT_LENGTH, ours.headers[CONTENT_LENGTH].clone());
    }
    assert_eq!(ours, &expected);
    // A length beside chunks is left out, by hyper while it reads and by attache at the end. Each time the last field takes
    // the place of the one that goes, so the order of names tells nothing then, and has no meaning (RFC 9110, section 5.3).
    if !ours.headers.contains_key(TRANSFER_ENCODING) {
        assert!(ours.headers.iter().eq(&expected.headers), "order: {ours:#?}\n{theirs:#?}");
    }
    assert!(ours.trailers.iter().eq(&expected.trailers), "order: {ours:#?}\n{theirs:#?}");
}

/// A target that begins with the same bytes, with those encoded that attache encodes.
fn encoded(target: &str) -> String {
    let is_raw = |byte: u8| !byte.is_ascii_graphic() || b"\"#<>\\^`{|}".contains(&byte);
    let encode = |byte: u8| if is_raw(byte) { format!("%{byte:02X}") } else { char::from(byte).to_string() };
    target.bytes().map(encode).collect()
}

/// A target does not stand among the bytes as attache tells it: it has raw bytes, for which hyper may refuse it.
fn is_encoded(request: &Seen, bytes: &[u8]) -> bool {
    let target = request.target.as_bytes();
    !bytes.windows(target.len()).any(|part| part == target)
}

/// The only length, and there is only one in what has been read.
fn lone_length(headers: &HeaderMap) -> Option<&str> {
    let mut stated = headers.get_all(CONTENT_LENGTH).iter();
    let length = stated.next()?.to_str().expect("a length is ASCII");
    assert!(stated.next().is_none());
    Some(length)
}

/// hyper sees nothing in a `Connection` that is not ASCII throughout, attache its other members. So attache may close a
/// connection that hyper keeps. The requests up to there are the same.
fn closes(request: &Seen) -> bool {
    has_strange_member(request)
}

/// For the same reason attache may keep a connection of HTTP/1.0 that hyper closes. What hyper does not read then, it does not
/// read as anything else either.
fn outlives(request: &Seen) -> bool {
    request.version == Version::HTTP_10 && has_strange_member(request)
}

fn has_strange_member(request: &Seen) -> bool {
    request.headers.get_all(CONNECTION).iter().any(|value| value.to_str().is_err())
}

/// Why attache refuses what hyper reads: a coding that is no name, of which hyper reads only the last; a length beside chunks,
/// which hyper leaves out unread, that is no number or stated in two ways; or a line of the trailers, perhaps the empty one
/// that ends them, that ends without CR.
fn is_refused(request: &Seen, bytes: &[u8]) -> bool {
    let mut codings = request.headers.get_all(TRANSFER_ENCODING).iter().peekable();
    let is_chunked = codings.peek().is_some();
    let states_length = bytes.to_ascii_lowercase().windows(15).any(|name| name == b"content-length:");
    let has_bare_lf = bytes.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r');
    is_chunked && (states_length || has_bare_lf || codings.any(|value| value.to_str().is_err()))
}
