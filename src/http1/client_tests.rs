use super::*;
use http_body_util::{BodyExt, Empty, Full};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::coop::{consume_budget, has_budget_remaining};

fn connection(room: usize) -> (Connection, DuplexStream) {
    let (upstream, ours) = duplex(room);
    (Connection::new(Box::new(ours)), upstream)
}

/// Status, body and trailers of the response that arrives in these pieces, and whether the connection can be used again.
async fn answered(pieces: &[&[u8]]) -> Option<(u16, String, usize, bool)> {
    let (connection, mut upstream) = connection(1 << 16);
    let answering = async {
        for piece in pieces {
            upstream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        upstream
    };
    let asking = async {
        let mut response = connection.send(&Request::new(()), Empty::<Bytes>::new()).await.ok()?;
        let (mut body, mut trailers) = (Vec::new(), 0);
        while let Some(frame) = response.body_mut().frame().await {
            match frame.ok()?.into_data() {
                Ok(data) => body.extend_from_slice(&data),
                Err(frame) => trailers += frame.into_trailers().map_or(0, |trailers| trailers.len()),
            }
        }
        let status = response.status().as_u16();
        let is_kept = matches!(response.into_body().end(), Remains::Connection(_));
        Some((status, String::from_utf8(body).unwrap(), trailers, is_kept))
    };
    let (answer, _upstream) = tokio::join!(asking, answering);
    answer
}

#[tokio::test]
async fn an_answer_is_read_to_its_end_and_its_connection_kept_where_it_can_be() {
    for (text, expected) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Some((200, "ok", 0, true))),
        ("HTTP/1.1 204 No Content\r\n\r\n", Some((204, "", 0, true))),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", Some((200, "ok", 0, false))),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", Some((200, "ok", 0, false))),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok?", Some((200, "ok", 0, false))),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n",
            Some((200, "ok", 1, true)),
        ),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok!", None),
        ("HTTP/1.1 2000 OK\r\n\r\n", None),
    ] {
        let expected =
            expected.map(|(status, body, trailers, kept)| (status, body.to_owned(), trailers, kept));
        assert_eq!(answered(&[text.as_bytes()]).await, expected, "{text:?}");
    }
}

#[tokio::test]
async fn a_request_of_which_nothing_was_written_comes_back() {
    let (connection, upstream) = connection(64);
    drop(upstream);
    let failure = connection.send(&Request::new(()), Empty::<Bytes>::new()).await.err().unwrap();
    assert!(matches!(failure.error, ExchangeError::Message(Error::Closed | Error::Io(_))));
}

#[tokio::test]
async fn a_long_header_is_sent_whole() {
    for length in [1, 16_000, 17_000, 60_000] {
        let (connection, mut upstream) = connection(1 << 16);
        let mut request = Request::new(());
        request.headers_mut().insert("x-long", "x".repeat(length).parse().unwrap());
        let mut read = vec![0; request::written(&request).len()];
        let (response, ()) = tokio::join!(connection.send(&request, Empty::<Bytes>::new()), async {
            upstream.read_exact(&mut read).await.unwrap();
            upstream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        });
        assert_eq!(response.unwrap().status(), 204, "{length}");
        assert!(read.ends_with(b"x\r\n\r\n"));
    }
}

#[tokio::test]
async fn an_upload_goes_on_behind_an_early_answer() {
    let (connection, mut upstream) = connection(64);
    let body = Full::new(Bytes::from(vec![b'x'; 100_000]));
    let mut request = Request::post("/").body(()).unwrap();
    request.headers_mut().insert("content-length", 100_000.into());
    let (response, ()) = tokio::join!(connection.send(&request, body), async {
        upstream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    });
    let Remains::Upload(upload) = response.unwrap().into_body().end() else { panic!("it was sent at once") };
    // Its connection ends with it.
    let mut read = Vec::new();
    let ((), outcome) = tokio::join!(upload.finish(), upstream.read_to_end(&mut read));
    assert!(outcome.is_ok() && read.len() > 100_000 && read.ends_with(&[b'x'; 100_000]));
}

#[tokio::test]
async fn an_upload_behind_an_early_answer_ends_when_the_upstream_hangs_up() {
    let (connection, mut upstream) = connection(1 << 16);
    let body =
        http_body_util::StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, Error>>());
    let request = Request::new(());
    let (response, ()) = tokio::join!(connection.send(&request, body), async {
        upstream.write_all(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    });
    let Remains::Upload(upload) = response.unwrap().into_body().end() else {
        panic!("nothing can have ended it")
    };
    drop(upstream);
    upload.finish().await;
}

#[tokio::test]
async fn a_closed_connection_is_seen_as_such_by_a_task_that_should_pause() {
    let (mut open, _upstream) = connection(64);
    let (mut closed, upstream) = connection(64);
    drop(upstream);
    poll_fn(|context| {
        while has_budget_remaining() {
            let _ = pin!(consume_budget()).poll(context);
        }
        assert!(open.is_silent() && !closed.is_silent());
        Poll::Ready(())
    })
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_does_not_matter_in_which_pieces_an_answer_comes(cuts in proptest::collection::vec(0..150_usize, 0..6)) {
        let text = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                    5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nx-sum: 1\r\n\r\n".as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(answered(&pieces));
        prop_assert_eq!(answer, Some((200, "hello world".to_owned(), 1, true)));
    }
}
