use super::super::caller_end::HALF_CLOSE_GRACE;
use super::*;
use http_body_util::{BodyExt, Full};
use proptest::prelude::*;
use std::future::pending;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

impl CallerStream for DuplexStream {
    fn reset_when_dropped(&self) {}

    fn failure(&self) -> Option<std::io::Error> {
        None
    }
}

/// What a handler does with requests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Answers with the body and the values of the trailers.
    Echo,
    /// Answers without a look at the body.
    Ignore,
    /// Reads the body, and answers a minute later.
    Late,
    /// Never answers.
    Hesitate,
}

#[derive(Clone)]
struct Answers {
    manner: Manner,
    /// Method and target of every request.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Handler for Answers {
    type Body = Full<Bytes>;

    fn header_begun(&self) {}

    fn answer(&self, request: Request<RequestBody>) -> Answering<Self::Body> {
        self.asked.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
        let manner = self.manner;
        Box::pin(async move {
            match manner {
                Manner::Ignore => Response::new(Full::from("ignored")),
                Manner::Late => {
                    request.into_body().collect().await.unwrap();
                    sleep(Duration::from_secs(60)).await;
                    Response::new(Full::from("late"))
                }
                Manner::Hesitate => pending().await,
                Manner::Echo => {
                    let body = request.into_body().collect().await.unwrap();
                    let trailers = body.trailers().cloned().unwrap_or_default();
                    let mut text = body.to_bytes().to_vec();
                    text.extend(trailers.values().flat_map(|value| value.as_bytes().to_vec()));
                    Response::new(Full::from(text))
                }
            }
        })
    }

    fn refuse(&self, _: Error, _: &Request<()>) -> Response<Self::Body> {
        Response::new(Full::from("refused"))
    }
}

/// A connection whose other end is the caller's.
fn connection(manner: Manner) -> (Connection<Answers>, DuplexStream, Answers) {
    let (caller, ours) = duplex(1 << 20);
    let answers = Answers { manner, asked: Arc::default() };
    (Connection::new(Bytes::new(), ours, answers.clone()), caller, answers)
}

/// The requests that the handler receives and the bytes that the caller reads, without dates, when it sends these parts.
async fn exchange(manner: Manner, parts: &[&[u8]]) -> (Vec<String>, String) {
    let (connection, mut caller, answers) = connection(manner);
    let calling = async {
        for part in parts {
            // After the last request the connection may have ended, and the write may fail.
            let _ = caller.write_all(part).await;
            tokio::task::yield_now().await;
        }
        let mut read = Vec::new();
        let mut more = [0; 4096];
        // The connection's own end is what ends this.
        while let Ok(length @ 1..) = caller.read(&mut more).await {
            read.extend_from_slice(&more[..length]);
        }
        String::from_utf8(read).unwrap()
    };
    let (_, read) = tokio::join!(connection, calling);
    let lines = read.split_inclusive("\r\n").filter(|line| !line.starts_with("Date: "));
    let asked = answers.asked.lock().unwrap().clone();
    (asked, lines.collect())
}

const MANY: &str = "GET /1 HTTP/1.1\r\nhost: a\r\n\r\n\
    POST /2 HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello\r\n\
    POST /3 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n\
    HEAD /4 HTTP/1.1\r\nhost: a\r\n\r\n\
    GET /5 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n\
    GET /6 HTTP/1.1\r\nhost: a\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn requests_are_answered_one_after_the_other_until_one_is_the_last() {
    let (asked, read) = exchange(Manner::Echo, &[MANY.as_bytes()]).await;
    assert_eq!(asked, ["GET /1", "POST /2", "POST /3", "HEAD /4", "GET /5"]);
    let answer =
        |length: usize, more: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{more}\r\n");
    let answers = [
        answer(0, ""),
        answer(5, "") + "hello",
        answer(4, "") + "abc1",
        "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
        answer(0, "Connection: close\r\n"),
    ];
    assert_eq!(read, answers.concat());
}

#[tokio::test]
async fn a_body_of_any_size_comes_back_whole() {
    for length in [1, 100, 4095, 4096, 4097, 16_384, 65_536, 300_000] {
        let body = "x".repeat(length);
        let text = format!("POST / HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
        let (_, read) = exchange(Manner::Echo, &[text.as_bytes()]).await;
        assert!(read.starts_with("HTTP/1.1 200 OK\r\n") && read.ends_with(&body), "{length}");
        assert_eq!(read.bytes().filter(|byte| *byte == b'x').count(), length);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_nobody_reads_is_skipped_where_it_is_short() {
    let post =
        |length: usize| format!("POST /1 HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{}", "x".repeat(length));
    for (length, next) in [(10, true), (60_000, true), (700_000, false)] {
        let text = post(length) + "GET /2 HTTP/1.1\r\nconnection: close\r\n\r\n";
        let (asked, read) = exchange(Manner::Ignore, &[text.as_bytes()]).await;
        assert_eq!(asked.len(), if next { 2 } else { 1 }, "{length}");
        assert!(read.contains("ignored"), "{read}");
    }
    // A rest of the body that never arrives is awaited until the timeout.
    let (asked, read) =
        exchange(Manner::Ignore, &[b"POST /1 HTTP/1.1\r\ncontent-length: 10\r\n\r\nhalf"]).await;
    assert!(asked.len() == 1 && read.contains("ignored"));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_is_the_last_that_is_answered() {
    for wrong in ["GET /1 HTTP/2.0\r\n\r\n", "GET /1 HTTP/1.1\r\ncontent-length: x\r\n\r\n"] {
        let text = [wrong, "GET /2 HTTP/1.1\r\n\r\n"].concat();
        let (asked, read) = exchange(Manner::Echo, &[text.as_bytes()]).await;
        assert!(asked.is_empty());
        assert!(read.ends_with("Connection: close\r\n\r\nrefused"), "{read}");
    }
}

#[tokio::test]
async fn a_broken_body_is_not_taken_for_the_end_of_one() {
    let text = "POST /1 HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nx\r\nGET /2 HTTP/1.1\r\n\r\n";
    let (connection, mut caller, answers) = connection(Manner::Ignore);
    caller.write_all(text.as_bytes()).await.unwrap();
    drop(caller);
    // Whether the response could be written does not matter here.
    let _ = connection.await;
    assert_eq!(*answers.asked.lock().unwrap(), ["POST /1"]);
}

#[tokio::test]
async fn a_connection_that_leaves_answers_what_has_come_and_takes_no_more() {
    let (mut idle, _caller, _) = connection(Manner::Echo);
    idle.leave();
    assert!(idle.await.is_ok());
    let (mut busy, mut caller, answers) = connection(Manner::Echo);
    caller.write_all(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n").await.unwrap();
    busy.leave();
    let mut read = String::new();
    let (outcome, _) = tokio::join!(busy, caller.read_to_string(&mut read));
    assert!(outcome.is_ok() && read.contains("Connection: close\r\n"), "{read}");
    assert_eq!(*answers.asked.lock().unwrap(), ["GET /1"]);
}

/// Responds at once, while another task reads the body.
struct Elsewhere(Arc<Mutex<Option<RequestBody>>>);

impl Handler for Elsewhere {
    type Body = Full<Bytes>;

    fn header_begun(&self) {}

    fn answer(&self, request: Request<RequestBody>) -> Answering<Self::Body> {
        *self.0.lock().unwrap() = Some(request.into_body());
        Box::pin(async { Response::new(Full::default()) })
    }

    fn refuse(&self, _: Error, _: &Request<()>) -> Response<Self::Body> {
        Response::default()
    }
}

#[tokio::test]
async fn a_body_that_is_read_elsewhere_ends_with_its_connection() {
    let (mut caller, ours) = duplex(1024);
    let body = Arc::default();
    let mut connection = Connection::new(Bytes::new(), ours, Elsewhere(Arc::clone(&body)));
    caller.write_all(b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n").await.unwrap();
    assert!(
        std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut connection).poll(context).is_pending()))
            .await
    );
    let mut body: RequestBody = body.lock().unwrap().take().unwrap();
    let (read, ()) = tokio::join!(body.frame(), async {
        tokio::task::yield_now().await;
        drop(connection);
    });
    assert!(matches!(read, Some(Err(Error::Incomplete))));
    let mut read = String::new();
    caller.read_to_string(&mut read).await.unwrap();
    assert!(read.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_hangs_up_ends_the_answer_that_is_being_made() {
    let (connection, mut caller, answers) = connection(Manner::Hesitate);
    caller.write_all(b"GET /1 HTTP/1.1\r\n\r\n").await.unwrap();
    let leaving = async {
        // The request has been read by now, and the caller could have sent another.
        sleep(HALF_CLOSE_GRACE).await;
        drop(caller);
    };
    let (ended, ()) = tokio::join!(connection, leaving);
    assert!(matches!(ended, Err(Error::Closed)));
    assert_eq!(*answers.asked.lock().unwrap(), ["GET /1"]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_comes_soon_behind_a_whole_request_is_a_half_close() {
    const ASK: &str = "GET / HTTP/1.1\r\n\r\n";
    const POST: &str = "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello";
    for requests in [&[ASK][..], &[POST], &[ASK, ASK], &[ASK, POST]] {
        for (pause, is_answered) in [(1, true), (19, true), (20, false), (1000, false)] {
            let (connection, mut caller, _) = connection(Manner::Late);
            let calling = async {
                for request in requests {
                    // The second comes while the first is answered.
                    sleep(Duration::from_secs(1)).await;
                    caller.write_all(request.as_bytes()).await.unwrap();
                }
                sleep(Duration::from_millis(pause)).await;
                caller.shutdown().await.unwrap();
                let mut read = String::new();
                caller.read_to_string(&mut read).await.unwrap();
                read.matches("late").count()
            };
            let (ended, answers) = tokio::join!(async { connection.await.is_ok() }, calling);
            let expected = if is_answered { (true, requests.len()) } else { (false, 0) };
            assert_eq!((ended, answers), expected, "{requests:?}, {pause} ms");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_does_not_matter_in_which_pieces_requests_come(cuts in proptest::collection::vec(0..MANY.len(), 0..6)) {
        let mut cuts = cuts;
        cuts.extend([0, MANY.len()]);
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|ends| &MANY.as_bytes()[ends[0]..ends[1]]).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (whole, pieces) = runtime.block_on(async {
            (exchange(Manner::Echo, &[MANY.as_bytes()]).await, exchange(Manner::Echo, &parts).await)
        });
        prop_assert_eq!(pieces, whole);
    }
}
