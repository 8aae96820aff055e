//! One connection: its requests, its deadlines and its end.

use super::stream::ObservedStream;
use super::{Bounds, HangUp};
use crate::activity::{Activity, BusyBody};
use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// The maximum size of a request's header in bytes, and of what is held for a client that does not read, beyond one piece of
/// a response.
const MAX_BUFFERED: usize = 128 * 1024;

/// The error of a request that ends its connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer")]
struct Closed;

/// Serves requests until the client closes the connection, a timeout passes, or the request in progress when `draining` began has
/// been answered.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    bounds: Bounds,
    draining: CancellationToken,
) {
    let activity = Activity::of_new_connection();
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request| {
        let (busy, response) = (activity.busy(), router.call(request));
        async move {
            match response.await {
                Ok(response) if response.extensions().get::<HangUp>().is_some() => Err(Closed),
                Ok(response) => Ok(response.map(|body| BusyBody::new(body, busy))),
                Err(never) => match never {},
            }
        }
    });
    let connection = http1::Builder::new()
        // The timeouts are those of `activity`: hyper's own includes the time between two requests.
        .header_read_timeout(None)
        .max_buf_size(MAX_BUFFERED)
        .half_close(bounds.half_close)
        .serve_connection(TokioIo::new(ObservedStream::new(stream, activity.clone())), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = activity.expired(bounds.timeouts) => return,
        () = draining.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    // An error means that the client has disconnected, and there is nothing to do about that.
    let _ = connection.await;
}
