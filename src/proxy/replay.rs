//! Which requests may be sent a second time, because that cannot make them happen twice.

use super::body::RequestBody;
use super::connection::Connection;
use bytes::Bytes;
use h2::Reason;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body::{Body, Frame};
use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The most of a body that is kept for another time, in bytes.
const MOST_KEPT: usize = 64 * 1024;
/// How long a body may take to come back from a connection that has given its request up.
const BACK_WITHIN: Duration = Duration::from_secs(1);

/// What is needed to send a request again.
pub struct Replay {
    head: Head,
    body: Option<oneshot::Receiver<RequestBody>>,
}

impl Replay {
    /// Keeps what is needed if the request goes over this connection. A body is kept for HTTP/2 alone, where an upstream can
    /// say that it has not looked at it.
    pub fn of(request: &mut Request<RequestBody>, connection: &Connection) -> Option<Self> {
        let (idempotent, bodiless) = (request.method().is_idempotent(), request.body().is_end_stream());
        let body = match connection {
            Connection::Http1(_) if !idempotent || !bodiless => return None,
            Connection::Http1(_) | Connection::Http2(_) if bodiless => None,
            Connection::Http1(_) | Connection::Http2(_) => Some(request.body_mut().keep()),
        };
        Some(Self { head: Head::copy(request), body })
    }

    /// The request once more, if it may be sent after this: the upstream says that it has not looked at it; or it broke
    /// off before any response, the method is idempotent (RFC 9110, section 9.2.2) and there is no body.
    pub async fn after(self, error: &hyper::Error) -> Option<Request<RequestBody>> {
        let harmless =
            self.head.method.is_idempotent() && self.body.is_none() && broke_before_response(error);
        if !harmless && !is_unprocessed(error) {
            return None;
        }
        let body = match self.body {
            None => RequestBody::empty(),
            Some(back) => timeout(BACK_WITHIN, back).await.ok()?.ok()?,
        };
        Some(self.head.into_request(body))
    }
}

/// A request's head, its values copied into one piece: those of the request itself lie in the buffer that it was read into,
/// and would keep that buffer from being read into again while the upstream thinks.
struct Head {
    method: Method,
    /// Path and query, then every value.
    text: Vec<u8>,
    path: usize,
    fields: Vec<Field>,
}

struct Field {
    name: HeaderName,
    length: usize,
    sensitive: bool,
}

impl Head {
    fn copy<B>(request: &Request<B>) -> Self {
        let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        let headers = request.headers();
        let length = path.len() + headers.values().map(HeaderValue::len).sum::<usize>();
        let mut text = Vec::with_capacity(length);
        text.extend_from_slice(path.as_bytes());
        let mut fields = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            text.extend_from_slice(value.as_bytes());
            fields.push(Field { name: name.clone(), length: value.len(), sensitive: value.is_sensitive() });
        }
        Self { method: request.method().clone(), text, path: path.len(), fields }
    }

    fn into_request(self, body: RequestBody) -> Request<RequestBody> {
        let mut text = Bytes::from(self.text);
        let path = text.split_to(self.path);
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = PathAndQuery::from_maybe_shared(path).expect("it was one before").into();
        for Field { name, length, sensitive } in self.fields {
            let value = HeaderValue::from_maybe_shared(text.split_to(length));
            let mut value = value.expect("it was one before");
            value.set_sensitive(sensitive);
            request.headers_mut().append(name, value);
        }
        request
    }
}

/// A copy of what has been taken of a body, while it is short.
pub struct Keeper {
    taken: VecDeque<Bytes>,
    length: usize,
    back: oneshot::Sender<RequestBody>,
}

impl Keeper {
    /// An empty copy, and where the body comes back.
    pub fn new() -> (Self, oneshot::Receiver<RequestBody>) {
        let (back, coming) = oneshot::channel();
        (Self { taken: VecDeque::new(), length: 0, back }, coming)
    }

    /// Notes what has just been taken. Too much of it, trailers and a failure end the copy.
    pub fn note<E>(mut self, frame: Result<&Frame<Bytes>, E>) -> Option<Self> {
        let data = frame.ok()?.data_ref()?;
        self.length += data.len();
        self.taken.push_back(data.clone());
        (self.length <= MOST_KEPT).then_some(self)
    }

    /// Sends the body back, made of what had been taken and what comes after it.
    pub fn give_back(self, mut after: VecDeque<Bytes>, body: impl FnOnce(VecDeque<Bytes>) -> RequestBody) {
        let mut parts = self.taken;
        parts.append(&mut after);
        // Nobody waits for it unless the request is sent again.
        let _ = self.back.send(body(parts));
    }
}

/// Whether an HTTP/2 upstream says that it has not looked at the request: the stream lies beyond the last of its GOAWAY,
/// or was refused (RFC 9113, section 8.7).
pub fn is_unprocessed(error: &hyper::Error) -> bool {
    http2_cause(error).is_some_and(|cause| {
        let refused = cause.is_reset() && cause.reason() == Some(Reason::REFUSED_STREAM);
        cause.is_remote() && (refused || cause.is_go_away())
    })
}

/// Whether the connection broke although the upstream had not begun to answer.
fn broke_before_response(error: &hyper::Error) -> bool {
    let reset = error.source().is_some_and(|source| source.is::<io::Error>());
    let broken = http2_cause(error).is_some_and(h2::Error::is_io);
    reset || broken || error.is_incomplete_message() || error.is_canceled() || error.is_closed()
}

/// What went wrong in HTTP/2, where it did.
pub fn http2_cause(error: &hyper::Error) -> Option<&h2::Error> {
    error.source().and_then(|source| source.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use http_body_util::BodyExt;

    #[test]
    fn a_head_comes_back_as_it_was() {
        let mut request = Request::new(());
        *request.method_mut() = Method::PUT;
        *request.uri_mut() = "http://p/a%2Fb?c=%20&d".parse().unwrap();
        for (name, value) in [("x-a", "1"), ("authorization", "Bearer x"), ("x-a", ""), ("x-b", "k\u{e4}se")]
        {
            request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        request.headers_mut().get_mut("authorization").unwrap().set_sensitive(true);
        let again = Head::copy(&request).into_request(RequestBody::empty());
        assert_eq!((again.method(), again.uri()), (&Method::PUT, &"/a%2Fb?c=%20&d".parse().unwrap()));
        assert_eq!(again.headers(), request.headers());
        assert!(again.headers()["authorization"].is_sensitive());
    }

    fn note(keeper: Keeper, length: usize) -> Option<Keeper> {
        keeper.note(Ok::<_, ()>(&Frame::data(vec![0; length].into())))
    }

    #[test]
    fn a_copy_ends_where_it_is_long_or_odd() {
        let keeper = || note(Keeper::new().0, 1).unwrap();
        assert!(note(keeper(), MOST_KEPT - 1).is_some());
        assert!(note(keeper(), MOST_KEPT).is_none());
        assert!(keeper().note(Ok::<_, ()>(&Frame::trailers(HeaderMap::new()))).is_none());
        assert!(keeper().note(Err(())).is_none());
    }

    #[tokio::test]
    async fn a_body_comes_back_from_its_beginning_however_often() {
        let (keeper, coming) = Keeper::new();
        let parts = ["one ", "two ", "three"].map(Bytes::from).into();
        keeper.give_back(parts, RequestBody::again);
        let mut body = coming.await.unwrap();
        for taken in 0..3 {
            let coming = body.keep();
            for _ in 0..taken {
                body.frame().await.unwrap().unwrap();
            }
            drop(body);
            body = coming.await.unwrap();
            assert_eq!(body.size_hint().exact(), Some(13));
        }
        assert_eq!(body.collect().await.unwrap().to_bytes(), "one two three");
    }
}
