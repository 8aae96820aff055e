//! Uploads of one HTTP/2 caller that their upstream does not take leave its other uploads alone (RFC 9113, section 5.2.2).

use crate::support::client::Answer;
use crate::support::program::WAIT_LIMIT;
use crate::support::upstream::{Upstream, echo};
use crate::support::{World, in_background};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn uploads_that_stall_do_not_stop_another() {
    let upstream = Upstream::scripted(|request| async move {
        if request.uri().path() == "/stall" {
            std::future::pending::<()>().await;
        }
        echo(request).await
    });
    let world = World::pinned(upstream.await, &[]).await;
    let stream = TokioIo::new(TcpStream::connect(world.proxy.proxy).await.unwrap());
    let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let _connection = in_background(connection);
    let post = |path: &str, length| {
        let body = Full::new(Bytes::from(vec![b'x'; length]));
        Request::post(format!("http://p{path}")).body(body).unwrap()
    };
    let stalled: Vec<_> = (0..100).map(|_| sender.clone().send_request(post("/stall", 16 << 20))).collect();
    world.upstream.requests(100).await;
    let answer = timeout(WAIT_LIMIT, sender.clone().send_request(post("/", 100_000))).await.unwrap().unwrap();
    let answer = Answer::read(answer).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 100_000));
    drop(stalled);
}
