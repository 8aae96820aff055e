//! The second listener: metrics, health and status, away from the traffic.

use crate::diagnostics::DiagnosticCode;
use crate::health_socket::READY;
use crate::model::target::{Host, HostPort};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use exposition::{ExpositionError, Expositions};
use health::Readiness;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use page::Page;
use server::OnLoopback;
use status::Sources;
use std::sync::Arc;

/// Is the proxy ready, and if not, what is missing.
pub mod health;
/// What is said of the running proxy.
pub mod status;
/// What it says of routes.
mod routing_status;
/// What it says of the configuration file.
mod config_status;
/// The page that shows it.
mod page;
/// The sockets of this listener.
pub mod server;
/// The metrics as text.
mod exposition;

const PLAIN: &str = "text/plain; charset=utf-8";
/// The Prometheus text format, version 0.0.4.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Admin(Arc<Parts>);

struct Parts {
    metrics_path: String,
    page: Page,
    expositions: Expositions,
    sources: Sources,
}

/// `GET` and `HEAD` of the metrics at `metrics_path`, of `/healthz`, `/readyz` and `/status`, and of the page at `/`. Where
/// paths collide, the one that the operator chose is the metrics'.
pub fn router(metrics_path: &str, sources: Sources) -> Router {
    let expositions = Expositions::new(sources.metrics.clone());
    let parts = Parts { metrics_path: metrics_path.to_owned(), page: Page::new(), expositions, sources };
    let admin = Admin(Arc::new(parts));
    // No routes: a path that an operator typed may mean something to the router, or collide and make it panic.
    Router::new().fallback(answer).with_state(admin)
}

async fn answer(State(Admin(admin)): State<Admin>, request: Request) -> Response {
    if !is_unambiguous(request.version(), request.headers()) {
        return text(StatusCode::BAD_REQUEST, "malformed request");
    }
    let endpoint = match request.uri().path() {
        path if path == admin.metrics_path => Endpoint::Metrics,
        "/healthz" => Endpoint::Alive,
        "/readyz" => Endpoint::Ready,
        "/status" => Endpoint::Status,
        "/" => Endpoint::Page,
        _ => return text(StatusCode::NOT_FOUND, "not found"),
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let refusal = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
        return ([(ALLOW, "GET, HEAD")], refusal).into_response();
    }
    if matches!(endpoint, Endpoint::Status | Endpoint::Page) && is_rebound(&request) {
        return text(StatusCode::FORBIDDEN, "ask for localhost, for an address, or for a private name");
    }
    match endpoint {
        Endpoint::Metrics => metrics(&admin.expositions).await,
        Endpoint::Alive => text(StatusCode::OK, "ok"),
        Endpoint::Ready => ready(&admin.sources.readiness),
        Endpoint::Status => status(admin).await,
        Endpoint::Page => admin.page.response(),
    }
}

/// Whether there is one `Host` (RFC 9112, section 3.2), and no transfer coding that two readers may take for different ones.
fn is_unambiguous(version: Version, headers: &HeaderMap) -> bool {
    let hosts = headers.get_all(HOST).iter().count();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    (hosts == 1 || (hosts == 0 && version < Version::HTTP_11)) && is_chunked && codings.next().is_none()
}

/// Whether the caller takes this listener, which it reached on its own machine, for one of another name that can be had in the
/// public DNS. So does a browser that was led here by DNS rebinding, and would let the page of that name read the answer.
fn is_rebound(request: &Request) -> bool {
    let on_loopback = request.extensions().get().is_some_and(|OnLoopback(on_loopback)| *on_loopback);
    let is_of_this_machine = |host: &HeaderValue| {
        let name = host.to_str().ok().and_then(|host| host.parse::<HostPort>().ok());
        name.is_some_and(|name| match name.host {
            Host::Address(_) => true,
            Host::Name(name) => is_private(&name),
        })
    };
    on_loopback && !request.headers().get(HOST).is_none_or(is_of_this_machine)
}

/// Whether a name cannot be registered: it has one label, or ends in one that is kept for private use (RFC 6761, RFC 6762,
/// RFC 8375, and `.internal` by ICANN), as Kubernetes' `svc.cluster.local` does.
fn is_private(name: &str) -> bool {
    const ENDS: [&str; 5] = [".home.arpa", ".internal", ".local", ".localhost", ".test"];
    !name.contains('.') || ENDS.iter().any(|end| name.ends_with(end))
}

enum Endpoint {
    Metrics,
    Alive,
    Ready,
    Status,
    Page,
}

async fn status(admin: Arc<Parts>) -> Response {
    // Thousands of audience sets take milliseconds, too.
    match tokio::task::spawn_blocking(move || admin.sources.status()).await {
        Ok(status) => ([(CACHE_CONTROL, "no-store")], Json(status)).into_response(),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the status cannot be told"),
    }
}

async fn metrics(expositions: &Expositions) -> Response {
    const FAILED: &str = "metrics cannot be shown";
    match expositions.text().await {
        Ok(exposition) => plain(StatusCode::OK, EXPOSITION, exposition),
        Err(ExpositionError::Disabled) => text(StatusCode::NOT_FOUND, "not found"),
        Err(ExpositionError::Metrics(error)) => {
            tracing::error!(
                code = DiagnosticCode::AdminFailed.code(),
                see = DiagnosticCode::AdminFailed.see(),
                error = &error as &dyn std::error::Error,
                "metrics cannot be shown"
            );
            text(StatusCode::INTERNAL_SERVER_ERROR, FAILED)
        }
        // The panic has left its line in the log.
        Err(ExpositionError::Broken) => text(StatusCode::INTERNAL_SERVER_ERROR, FAILED),
    }
}

fn ready(readiness: &Readiness) -> Response {
    let line = readiness.line();
    let status = if line == READY { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    text(status, &line)
}

fn text(status: StatusCode, line: &str) -> Response {
    plain(status, PLAIN, format!("{line}\n"))
}

fn plain(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    (status, [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store")], body.into()).into_response()
}

#[cfg(test)]
#[path = "admin_tests.rs"]
mod tests;
