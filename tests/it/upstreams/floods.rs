//! HTTP/2 upstreams that send frames without end.

use super::frames::Frames;
use crate::support::Sts;
use crate::support::client::{get, send};
use crate::support::program::Program;
use http::StatusCode;
use std::future::pending;

#[tokio::test]
async fn an_upstream_that_floods_its_connection_is_left_and_said_to() {
    // Kind, whether it is of a stream, payload, and how many.
    let floods: [(u8, bool, &[u8], usize); 6] = [
        (0, true, &[], 1500),
        (2, true, &[0; 5], 1500),
        (3, true, &[0; 4], 500),
        (4, false, &[], 1500),
        (6, false, &[0; 8], 1500),
        (8, false, &[0, 0, 0, 1], 1500),
    ];
    for (kind, of_stream, payload, count) in floods {
        let upstream = Frames::scripted(move |_, mut connection| async move {
            connection.greet(None).await?;
            let answered = connection.request().await?;
            connection.answer(answered).await?;
            let waiting = connection.request().await?;
            let stream = match (of_stream, kind) {
                (false, _) => 0,
                // A reset of the stream that waits would end it alone.
                (true, 3) => answered,
                (true, _) => waiting,
            };
            connection.flood(kind, stream, payload, count).await?;
            pending().await
        });
        let upstream = upstream.await;
        let (sts, host) = (Sts::start().await, upstream.address.to_string());
        let flags = ["--upstream-host", &host, "--upstream-scheme", "http", "--upstream-protocol", "http2"];
        let mut proxy = Program::serve(&sts.url, &flags).await;
        assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK, "{kind}");
        // Sent again it would be answered by another connection.
        let post = http::Request::post("/").header("host", "p").body("a".into()).unwrap();
        assert_eq!(send(proxy.proxy, post).await.status, StatusCode::BAD_GATEWAY, "{kind}");
        let line =
            proxy.logged(|line| line["error"].as_str().is_some_and(|error| error.contains("floods"))).await;
        assert!(line["code"].is_string(), "{kind}: {line}");
        assert_eq!(send(proxy.proxy, get("/", &[])).await.status, StatusCode::OK, "{kind}");
    }
}
