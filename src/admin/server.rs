//! Serves the admin pages on a socket of their own, within bounds of their own: a scraper that leaks connections or does not
//! read must not use up the files and the memory of the proxy.

use super::deadline::SendDeadline;
use crate::http1::error::Error;
use crate::http1::request_body::RequestBody;
use crate::http1::server::{Answering, Connection, Handler};
use crate::http1::stream::CallerStream;
use crate::server::activity::{Activity, BusyBody, Limits};
use crate::server::stream::Stream as Socket;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long open connections may delay the end of the listener after shutdown has begun.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// The most connections at a time. One more closes the oldest.
const MAX_CONNECTIONS: usize = 64;

/// Whether a request came over a connection to a loopback address.
#[derive(Clone, Copy)]
pub struct OnLoopback(pub bool);

/// Serves `router` on the connections that `accept` gives until `shutdown` resolves; then finishes what is being answered,
/// for one second at most.
pub async fn serve(
    accept: impl AsyncFn() -> Socket,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let (mut connections, leaving) = (JoinSet::new(), CancellationToken::new());
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => open.retain(|connection| !connection.is_finished()),
            stream = accept() => {
                if open.len() >= MAX_CONNECTIONS && let Some(oldest) = open.pop_front() {
                    oldest.abort();
                }
                let pages = Pages {
                    router: router.clone(),
                    activity: Activity::of_new_connection(),
                    on_loopback: OnLoopback(stream.is_on_loopback()),
                };
                let serving = serve_one(SendDeadline::new(stream), pages, limits, leaving.clone());
                open.push_back(connections.spawn(serving));
            }
        }
    }
    // With it the listener.
    drop(accept);
    leaving.cancel();
    let finished = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(SHUTDOWN_TIMEOUT, finished).await;
}

async fn serve_one(stream: impl CallerStream, pages: Pages, limits: Limits, leaving: CancellationToken) {
    let activity = pages.activity.clone();
    let mut connection = pin!(Connection::new(Bytes::new(), stream, pages));
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = activity.expired(limits) => return,
        () = leaving.cancelled() => connection.leave(),
    }
    // An error here is the client's going away.
    let _ = connection.await;
}

struct Pages {
    router: Router,
    activity: Activity,
    on_loopback: OnLoopback,
}

impl Handler for Pages {
    type Body = BusyBody<Body>;

    fn header_begun(&self) {
        self.activity.header_begun();
    }

    fn answer(&self, request: Request<RequestBody>) -> Answering<Self::Body> {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.on_loopback);
        let answer = TowerToHyperService::new(self.router.clone()).call(request);
        let busy = self.activity.busy();
        Box::pin(async move {
            match answer.await {
                Ok(response) => response.map(|body| BusyBody::new(body, busy)),
                Err(never) => match never {},
            }
        })
    }

    fn refuse(&self, _: Error, _: &Request<()>) -> Response<Self::Body> {
        let mut response = Response::new(Body::from("malformed request\n"));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response.map(|body| BusyBody::new(body, self.activity.busy()))
    }
}
