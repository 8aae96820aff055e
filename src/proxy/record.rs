//! What is kept about one request: its metrics and its line in the log, written once, when the request is over.
//!
//! The record travels inside the response's body, so a stream counts until its end. A caller that hangs up drops it.

use super::target::Target;
use crate::telemetry::logs::ACCESS;
use crate::telemetry::metrics::Metrics;
use http::{Method, Request, StatusCode};
use std::time::Duration;
use tokio::time::Instant;
use tracing::Level;

/// What nginx logs, and dashboards know, for a caller that hung up before the response.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// One request from its header to its response's end. Dropping it writes it.
pub struct Record {
    metrics: Metrics,
    method: Method,
    started: Instant,
    status: Option<StatusCode>,
    line: Option<Box<Line>>,
}

struct Line {
    path: String,
    target: Option<Target>,
    bytes_sent: u64,
}

impl Record {
    /// Starts the record of a request whose header has just arrived.
    pub fn start<B>(metrics: Metrics, request: &Request<B>) -> Self {
        metrics.request_started();
        let line = tracing::enabled!(target: ACCESS, Level::DEBUG).then(|| {
            let path = request.uri().path().to_owned();
            Box::new(Line { path, target: None, bytes_sent: 0 })
        });
        Self { metrics, method: request.method().clone(), started: Instant::now(), status: None, line }
    }

    /// Notes where the request goes.
    pub fn target(&mut self, target: &Target) {
        if let Some(line) = &mut self.line {
            line.target = Some(target.clone());
        }
    }

    /// Notes the status of the response that goes out.
    pub fn status(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Counts bytes of the response's body.
    pub fn sent(&mut self, bytes: usize) {
        if let Some(line) = &mut self.line {
            line.bytes_sent += bytes as u64;
        }
    }

    /// How long the request has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let gone = StatusCode::from_u16(CLIENT_CLOSED_REQUEST).expect("a status has three digits");
        let status = self.status.unwrap_or(gone);
        let elapsed = self.started.elapsed();
        self.metrics.request_finished(&self.method, status, elapsed);
        if let Some(line) = &self.line {
            line.write(&self.method, status, elapsed);
        }
    }
}

impl Line {
    fn write(&self, method: &Method, status: StatusCode, elapsed: Duration) {
        let target = self.target.as_ref().map(ToString::to_string).unwrap_or_default();
        // Microseconds are as fine as anybody reads.
        let duration_ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3;
        let (path, status, bytes_sent) = (&self.path, status.as_u16(), self.bytes_sent);
        tracing::debug!(target: ACCESS, %method, path, target, status, duration_ms, bytes_sent, "request");
    }
}
