//! What is kept about one request: its metrics, its span and its line in the log, written once, when the request is over.
//!
//! The record travels inside the response's body, so a stream counts until its end. A caller that hangs up drops it.

use super::destination::Destination;
use super::listener_info::ListenerInfo;
use super::request_body::{RequestBody, Sent};
use super::route::Route;
use crate::diagnostics::DiagnosticCode;
use crate::model::caller::Caller;
use crate::telemetry::labels::{AudienceLabel, ErrorType, TokenResult};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::targets::ACCESS;
use crate::telemetry::trace_context::TraceId;
use crate::telemetry::traces::{Span, Traces};
use http::{HeaderValue, Method, Request, StatusCode, Version};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Level;

/// What nginx logs, and dashboards know, for a caller that hung up before the response.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// One request from its header to its response's end. Dropping it writes it.
pub struct RequestLog {
    metrics: Metrics,
    method: Method,
    started: Instant,
    status: Option<StatusCode>,
    /// What is wrong if the record is dropped now; until the response's end, that the caller has gone.
    diagnostic: Option<DiagnosticCode>,
    span: Option<Box<Span>>,
    destination: Option<Destination>,
    call: Option<UpstreamCall>,
    line: Option<Box<AccessLogEntry>>,
}

/// A call of the upstream that has no response yet.
struct UpstreamCall {
    started: Instant,
    span: Option<Box<Span>>,
}

/// What only the log wants to know.
struct AccessLogEntry {
    path: String,
    version: Version,
    client: Option<HeaderValue>,
    trace: Option<TraceId>,
    route: Option<Arc<str>>,
    audience: Option<AudienceLabel>,
    received: Sent,
    bytes_sent: u64,
    upstream: Option<Duration>,
}

impl RequestLog {
    /// Starts the log of a request whose header has just arrived from this caller.
    pub fn start<B>(
        metrics: Metrics,
        traces: &Traces,
        listener_info: &ListenerInfo,
        request: &Request<B>,
        caller: &Caller,
    ) -> Self {
        metrics.request_started();
        let span = traces.request(request, listener_info.scheme.as_str(), caller.forwarded_for());
        let line = tracing::enabled!(target: ACCESS, Level::DEBUG).then(|| {
            let trace = span.as_ref().map(|span| span.trace());
            Box::new(AccessLogEntry::start(request, caller, trace.or_else(|| TraceId::of(request.headers()))))
        });
        Self {
            metrics,
            method: request.method().clone(),
            started: Instant::now(),
            status: None,
            diagnostic: Some(DiagnosticCode::ClientGone),
            span,
            destination: None,
            call: None,
            line,
        }
    }

    /// Notes which route the request has.
    pub fn route(&mut self, route: &Route) {
        let Some(label) = route.label() else { return };
        if let Some(line) = &mut self.line {
            line.route = Some(label.clone());
        }
        if let Some(span) = &mut self.span {
            span.route(label);
        }
    }

    /// Notes where the request goes.
    pub fn destination(&mut self, destination: &Destination) {
        self.destination = Some(destination.clone());
    }

    /// Notes the audience of the token that the request needs.
    pub fn audience(&mut self, audience: &AudienceLabel) {
        if let Some(line) = &mut self.line {
            line.audience = Some(audience.clone());
        }
    }

    /// The span of the request, where it has one.
    pub fn span(&self) -> Option<&Span> {
        self.span.as_deref()
    }

    /// Notes that the call of the upstream begins. The span of the call, where there is one, is named in the request.
    pub fn call_started(&mut self, request: &mut Request<RequestBody>) {
        if let Some(line) = &mut self.line {
            line.received = request.body().sent();
        }
        let span = self.span.as_ref().zip(self.destination.as_ref()).map(|(span, destination)| {
            let target = destination.target();
            Box::new(span.call(request, target, target.host(), target.port()))
        });
        self.call = Some(UpstreamCall { started: Instant::now(), span });
    }

    /// The span of the call that has no response yet, where it has one.
    pub fn call(&self) -> Option<&Span> {
        self.call.as_ref()?.span.as_deref()
    }

    /// The upstream's response has begun and is counted, or will not come and the error is counted where it is logged.
    pub fn answered(&mut self, outcome: Result<StatusCode, DiagnosticCode>) {
        let Some(UpstreamCall { started, span }) = self.call.take() else { return };
        if outcome.is_ok() {
            self.count_call(None, TokenResult::Ok);
            if let Some(line) = &mut self.line {
                line.upstream = Some(started.elapsed());
            }
        }
        if let Some(span) = span {
            span.called(outcome.map_err(DiagnosticCode::code));
        }
    }

    /// Counts a call that is given up before its response, because the caller has left.
    fn abandon_call(&mut self) {
        let Some(UpstreamCall { span, .. }) = self.call.take() else { return };
        self.count_call(Some(ErrorType::Unknown), TokenResult::Ok);
        if let Some(span) = span {
            span.called(Err(DiagnosticCode::ClientGone.code()));
        }
    }

    /// Notes the status of the response that goes out.
    pub fn status(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Counts bytes of the response's body, which is not written to a caller that asked with HEAD.
    pub fn sent(&mut self, bytes: usize) {
        if let Some(line) = &mut self.line
            && self.method != Method::HEAD
        {
            line.bytes_sent += bytes as u64;
        }
    }

    /// Nothing is left to do for the request.
    pub fn complete(&mut self) {
        self.diagnostic = None;
    }

    /// The request fails for this reason, whatever the caller still does.
    pub fn failed(&mut self, diagnostic: DiagnosticCode) {
        self.diagnostic = Some(diagnostic);
    }

    /// Counts the upstream call that the request wanted, once its outcome is known.
    pub fn count_call(&self, error: Option<ErrorType>, token: TokenResult) {
        if let Some(destination) = &self.destination {
            self.metrics.upstream_call(destination.labels(), error, token, self.started.elapsed());
        }
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        self.abandon_call();
        let gone = StatusCode::from_u16(CLIENT_CLOSED_REQUEST).expect("a status has three digits");
        let status = self.status.unwrap_or(gone);
        let elapsed = self.started.elapsed();
        self.metrics.request_finished(&self.method, status, elapsed);
        if let Some(line) = &self.line {
            line.write(&self.method, self.destination.as_ref(), status, elapsed, self.diagnostic);
        }
        if let Some(span) = self.span.take() {
            span.answered(self.status, self.diagnostic.map(DiagnosticCode::code));
        }
    }
}

impl AccessLogEntry {
    fn start<B>(request: &Request<B>, caller: &Caller, trace: Option<TraceId>) -> Self {
        Self {
            path: request.uri().path().to_owned(),
            version: request.version(),
            client: caller.forwarded_for().cloned(),
            trace,
            route: None,
            audience: None,
            received: Sent::default(),
            bytes_sent: 0,
            upstream: None,
        }
    }

    fn write(
        &self,
        method: &Method,
        destination: Option<&Destination>,
        status: StatusCode,
        elapsed: Duration,
        diagnostic: Option<DiagnosticCode>,
    ) {
        tracing::debug!(
            target: ACCESS,
            %method,
            path = self.path,
            route = self.route.as_deref(),
            target = destination.map(|known| known.target().to_string()).unwrap_or_default(),
            status = status.as_u16(),
            duration_ms = elapsed.as_millis() as u64,
            duration_us = elapsed.as_micros() as u64,
            upstream_ms = self.upstream.map(milliseconds),
            bytes_received = self.received.bytes(),
            bytes_sent = self.bytes_sent,
            audience = self.audience.as_ref().map(AudienceLabel::as_str),
            outcome = diagnostic.map_or("ok", DiagnosticCode::code),
            trace_id = self.trace.map(tracing::field::display),
            client = self.client.as_ref().and_then(|client| client.to_str().ok()),
            protocol = ?self.version,
            "request"
        );
    }
}

/// Microseconds are fine enough for a reader.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
