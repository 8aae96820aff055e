//! The second listener: metrics, health and status, away from the traffic.

use crate::health_socket::READY;
use crate::telemetry::metrics::Metrics;
use crate::trouble::Trouble;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use health::Readiness;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{Method, StatusCode};
use page::Page;
use status::Sources;
use std::sync::Arc;

/// Is the proxy ready, and if not, what is missing.
pub mod health;
/// What is said of the running proxy.
pub mod status;
/// The page that shows it.
mod page;
/// The sockets of this listener.
pub mod server;

const PLAIN: &str = "text/plain; charset=utf-8";
/// The Prometheus text format, version 0.0.4.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Admin(Arc<Parts>);

struct Parts {
    metrics_path: String,
    page: Page,
    sources: Sources,
}

/// `GET` and `HEAD` of the metrics at `metrics_path`, of `/healthz`, `/readyz` and `/status`, and of the page at `/`. Where
/// paths collide, the one that the operator chose is the metrics'.
pub fn router(metrics_path: &str, sources: Sources) -> Router {
    let admin = Admin(Arc::new(Parts { metrics_path: metrics_path.to_owned(), page: Page::new(), sources }));
    // No routes: a path that an operator typed may mean something to the router, or collide and make it panic.
    Router::new().fallback(answer).with_state(admin)
}

async fn answer(State(Admin(admin)): State<Admin>, request: Request) -> Response {
    let asked = match request.uri().path() {
        path if path == admin.metrics_path => Asked::Metrics,
        "/healthz" => Asked::Alive,
        "/readyz" => Asked::Ready,
        "/status" => Asked::Status,
        "/" => Asked::Page,
        _ => return text(StatusCode::NOT_FOUND, "not found"),
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let refusal = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
        return ([(ALLOW, "GET, HEAD")], refusal).into_response();
    }
    match asked {
        Asked::Metrics => metrics(admin.sources.metrics.clone()).await,
        Asked::Alive => text(StatusCode::OK, "ok"),
        Asked::Ready => ready(&admin.sources.readiness),
        Asked::Status => status(admin).await,
        Asked::Page => admin.page.response(),
    }
}

enum Asked {
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

async fn metrics(metrics: Metrics) -> Response {
    // Thousands of series take tens of milliseconds, which no request should wait for.
    match tokio::task::spawn_blocking(move || metrics.exposition()).await {
        Ok(Some(Ok(exposition))) => plain(StatusCode::OK, EXPOSITION, exposition),
        Ok(None) => text(StatusCode::NOT_FOUND, "not found"),
        Ok(Some(Err(error))) => {
            tracing::error!(
                code = Trouble::AdminFailed.code(),
                see = Trouble::AdminFailed.see(),
                error = &error as &dyn std::error::Error,
                "metrics cannot be shown"
            );
            text(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be shown")
        }
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be shown"),
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
