//! Which requests may be sent a second time, because that cannot make them happen twice.

use super::connection::Connection;
use super::message_error::MessageError;
use super::request_body::RequestBody;
use crate::http1::error::Error as Http1Error;
use h2::Reason;
use http::Request;
use http_body::Body;
use std::error::Error;
use std::io;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a body may take to come back from a connection that has given its request up.
const BACK_WITHIN: Duration = Duration::from_secs(1);

/// What is needed to send a request again, besides its head.
pub struct Replay {
    is_idempotent: bool,
    /// Where the body comes back, unless there is none.
    body: Option<oneshot::Receiver<RequestBody>>,
}

impl Replay {
    /// Keeps what is needed if the request goes over this connection. A body is kept for HTTP/2 alone, where an upstream can
    /// say that it has not looked at it.
    pub fn of(request: &mut Request<RequestBody>, connection: &Connection) -> Option<Self> {
        let (is_idempotent, bodiless) = (request.method().is_idempotent(), request.body().is_end_stream());
        let body = match connection {
            Connection::Http1(_) if !is_idempotent || !bodiless => return None,
            Connection::Http1(_) | Connection::Http2(_) if bodiless => None,
            Connection::Http1(_) | Connection::Http2(_) => Some(request.body_mut().pin()),
        };
        Some(Self { is_idempotent, body })
    }

    /// The body once more, if the request may be sent again after this: the upstream says that it has not looked at it; or it
    /// broke off before any response, the method is idempotent (RFC 9110, section 9.2.2) and there is no body.
    pub async fn after(self, error: &MessageError) -> Option<RequestBody> {
        let harmless = self.is_idempotent
            && self.body.is_none()
            && (broke_before_response(error) || is_invalid_http2(error));
        if !harmless && !is_unprocessed(error) {
            return None;
        }
        match self.body {
            None => Some(RequestBody::empty()),
            Some(back) => timeout(BACK_WITHIN, back).await.ok()?.ok(),
        }
    }
}

/// Whether an HTTP/2 upstream has not looked at the request. It says so where the stream lies beyond the last of its GOAWAY,
/// or was refused (RFC 9113, section 8.7). Nothing was written where the connection ended gracefully while the request
/// waited in the library for a stream: the library then drops it without a cause.
pub fn is_unprocessed(error: &MessageError) -> bool {
    let MessageError::Http2(error) = error else { return false };
    match http2_cause(error) {
        None => error.is_canceled() || error.is_user(),
        Some(cause) => {
            let refused = cause.is_reset() && cause.reason() == Some(Reason::REFUSED_STREAM);
            cause.is_remote() && (refused || cause.is_go_away())
        }
    }
}

/// Whether a connection ended because of something invalid on it, and took its requests along. The HTTP/2 library makes a
/// connection error of a field that is malformed, which should end one stream alone (RFC 9113, section 8.1.1).
pub fn is_invalid_http2(error: &MessageError) -> bool {
    let MessageError::Http2(error) = error else { return false };
    http2_cause(error).is_some_and(|cause| cause.is_go_away() && cause.is_library())
}

/// Whether the connection broke although the upstream had not begun to answer.
fn broke_before_response(error: &MessageError) -> bool {
    match error {
        MessageError::Alert(_) => true,
        MessageError::Http1(error) => matches!(error, Http1Error::Closed | Http1Error::Io(_)),
        MessageError::Http2(error) => {
            let reset = error.source().is_some_and(|source| source.is::<io::Error>());
            let broken = http2_cause(error).is_some_and(h2::Error::is_io);
            reset || broken || error.is_incomplete_message() || error.is_canceled() || error.is_closed()
        }
        MessageError::Incomplete => false,
    }
}

/// What went wrong in HTTP/2, where it did.
fn http2_cause(error: &hyper::Error) -> Option<&h2::Error> {
    error.source().and_then(|source| source.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::super::connection::FramedBody;
    use super::super::http2;
    use super::*;
    use crate::tasks::Tasks;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    /// The pool sends no such request, but for the moment in which an upstream changes what it allows.
    #[tokio::test]
    async fn a_request_for_which_no_stream_was_opened_is_unprocessed() {
        let (ours, mut theirs) = duplex(64 * 1024);
        let tasks = Tasks::default();
        let one_stream = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1];
        theirs.write_all(&one_stream).await.unwrap();
        let Connection::Http2(mut connection) =
            http2::handshake(Box::new(ours), &tasks, http2::SHARED_WINDOW).await.unwrap()
        else {
            panic!("HTTP/2 was asked for");
        };
        let [_first, second] = [(), ()].map(|()| {
            let body = FramedBody::new(RequestBody::empty(), connection.flushes().clone(), None);
            let request = Request::get("http://a.example/").body(body);
            connection.sender.try_send_request(request.unwrap())
        });
        theirs.read_exact(&mut [0; 24]).await.unwrap();
        let mut kind = None;
        // The header of the first, when the second waits already.
        while kind != Some(1) {
            let mut head = [0; 9];
            theirs.read_exact(&mut head).await.unwrap();
            theirs.read_exact(&mut vec![0; usize::from(head[2])]).await.unwrap();
            kind = Some(head[3]);
        }
        let last_is_the_first = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        theirs.write_all(&last_is_the_first).await.unwrap();
        let mut error = second.await.unwrap_err();
        assert!(error.take_message().is_none());
        let error = MessageError::Http2(error.into_error());
        assert!(is_unprocessed(&error), "{error:?}");
    }
}
