//! Serves the admin pages on a socket of their own.

use crate::http1::Stream;
use crate::http1::error::Error;
use crate::http1::request_body::RequestBody;
use crate::http1::server::{Answering, Connection, Handler};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a client may keep the listener after shutdown has begun.
const PATIENCE: Duration = Duration::from_secs(1);

/// Serves `router` on the connections that `accept` gives until `shutdown` resolves; then finishes what is being answered,
/// for one second at most.
pub async fn serve<S: Stream>(
    accept: impl AsyncFn() -> S,
    router: Router,
    shutdown: impl Future<Output = ()>,
) {
    let (mut connections, leaving) = (JoinSet::new(), CancellationToken::new());
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            stream = accept() => {
                connections.spawn(serve_one(stream, Pages(router.clone()), leaving.clone()));
            }
        }
    }
    // With it the listener.
    drop(accept);
    leaving.cancel();
    let finished = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(PATIENCE, finished).await;
}

async fn serve_one(stream: impl Stream, pages: Pages, leaving: CancellationToken) {
    let mut connection = pin!(Connection::new(Bytes::new(), stream, pages));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = leaving.cancelled() => connection.leave(),
    }
    // An error here is the client's going away.
    let _ = connection.await;
}

struct Pages(Router);

impl Handler for Pages {
    type Body = Body;

    fn header_begun(&self) {}

    fn answer(&self, request: Request<RequestBody>) -> Answering<Body> {
        let answer = TowerToHyperService::new(self.0.clone()).call(request.map(Body::new));
        Box::pin(async move {
            match answer.await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        })
    }

    fn refuse(&self, _: &Error) -> Response<Body> {
        let mut response = Response::new(Body::from("malformed request\n"));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response
    }
}
