//! The spans of requests: one for the whole request, and child spans for its waits and its upstream call. Names and
//! attributes follow OpenTelemetry's semantic conventions for HTTP. No span holds a query or a header.

use super::instruments::{SCHEMA_URL, method_name};
use super::trace_context::{self, TraceId};
use http::{HeaderValue, Request, StatusCode, Version};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{self as sdk, SdkTracer, SdkTracerProvider};
use std::fmt::Display;
use std::mem::ManuallyDrop;
use std::pin::pin;
use std::sync::Arc;

/// Starts the spans of requests, if spans are pushed. Cloning is cheap.
#[derive(Clone)]
pub struct Traces(Option<Arc<Live>>);

struct Live {
    tracer: SdkTracer,
    /// PoolStats from being dropped: a drop would wait for a last push, which only [`Traces::finish`] may do.
    provider: ManuallyDrop<SdkTracerProvider>,
}

impl Traces {
    /// Traces that start no spans.
    pub fn disabled() -> Self {
        Self(None)
    }

    /// Traces with spans of `provider`.
    pub(super) fn new(provider: SdkTracerProvider) -> Self {
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA_URL)
            .build();
        let tracer = provider.tracer_with_scope(scope);
        Self(Some(Arc::new(Live { tracer, provider: ManuallyDrop::new(provider) })))
    }

    /// Starts the span of a request with its header, which came over this scheme. If the header names a trace, the span continues it.
    pub fn request<B>(
        &self,
        request: &Request<B>,
        scheme: &'static str,
        client: Option<&HeaderValue>,
    ) -> Option<Box<Span>> {
        let live = self.0.as_ref()?;
        let caller = trace_context::caller(request.headers());
        let continued = caller.is_some();
        let mut span =
            Span::start(&live.tracer, method_or_http(request), SpanKind::Server, caller, continued);
        if span.inner.is_recording() {
            span.set("http.request.method", method_name(request.method()));
            span.set("url.scheme", scheme);
            span.set("url.path", request.uri().path().to_owned());
            span.set("network.protocol.version", version(request.version()));
            if let Some(client) = client.and_then(|client| client.to_str().ok()) {
                span.set("client.address", client.to_owned());
            }
        }
        Some(Box::new(span))
    }

    /// Pushes the spans that have ended, and stops pushing. It waits for the collector, so it must not run on a thread
    /// that serves requests.
    pub(super) fn finish(&self) {
        if let Some(live) = &self.0 {
            // A failed delivery has already been logged.
            let _ = live.provider.shutdown();
        }
    }
}

/// A span, which ends when it is dropped.
pub struct Span {
    tracer: SdkTracer,
    inner: sdk::Span,
    /// Whether the span continues the caller's trace.
    continued: bool,
}

impl Span {
    fn start(
        tracer: &SdkTracer,
        name: &'static str,
        kind: SpanKind,
        parent: Option<SpanContext>,
        continued: bool,
    ) -> Self {
        let builder = SpanBuilder::from_name(name).with_kind(kind);
        // Samplers take an invalid parent for a parent that is not sampled, so a root span has none.
        let context =
            parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        let inner = tracer.build_with_context(builder, &context);
        Self { tracer: tracer.clone(), inner, continued }
    }

    /// The trace of this span.
    pub fn trace(&self) -> TraceId {
        TraceId(self.inner.span_context().trace_id())
    }

    /// Notes the name of the route that the request has.
    pub fn route(&mut self, name: &Arc<str>) {
        if self.inner.is_recording() {
            self.set("attache.route", name.clone());
        }
    }

    /// Starts a child span for work of this process.
    pub fn child(&self, name: &'static str) -> Self {
        self.within(name, SpanKind::Internal)
    }

    /// Starts a child span for the upstream call of `request`, and puts the span into its headers. `origin` is the URL
    /// up to its path.
    pub fn call<B>(
        &self,
        request: &mut Request<B>,
        origin: &dyn Display,
        host: &dyn Display,
        port: u16,
    ) -> Self {
        let mut call = self.within(method_or_http(request), SpanKind::Client);
        trace_context::put(request.headers_mut(), call.inner.span_context(), call.continued);
        if call.inner.is_recording() {
            call.set("http.request.method", method_name(request.method()));
            call.set("url.full", format!("{origin}{}", request.uri().path()));
            call.set("server.address", host.to_string().trim_matches(['[', ']']).to_owned());
            call.set("server.port", i64::from(port));
        }
        call
    }

    /// Ends the span of an upstream call with the status of the response, or with the code of the failure.
    pub fn called(mut self, outcome: Result<StatusCode, &'static str>) {
        match outcome {
            Ok(status) => {
                self.status(status);
                if status.is_client_error() || status.is_server_error() {
                    self.broken(status.as_str().to_owned());
                }
            }
            Err(code) => self.broken(code),
        }
    }

    /// Ends the span of a request with the status of the response, if any, and the code of the problem.
    pub fn answered(mut self, status: Option<StatusCode>, diagnostic: Option<&'static str>) {
        if let Some(status) = status {
            self.status(status);
        }
        match (status, diagnostic) {
            // An error of the caller is no error of this process (semantic conventions for HTTP spans, "Status").
            (Some(status), _) if status.is_client_error() => {}
            (_, Some(code)) => self.broken(code),
            (Some(status), None) if status.is_server_error() => self.broken(status.as_str().to_owned()),
            (Some(_) | None, None) => {}
        }
    }

    fn within(&self, name: &'static str, kind: SpanKind) -> Self {
        Self::start(&self.tracer, name, kind, Some(self.inner.span_context().clone()), self.continued)
    }

    fn status(&mut self, status: StatusCode) {
        self.set("http.response.status_code", i64::from(status.as_u16()));
    }

    fn broken(&mut self, error: impl Into<opentelemetry::Value>) {
        self.set("error.type", error);
        self.inner.set_status(Status::error(""));
    }

    fn set(&mut self, key: &'static str, value: impl Into<opentelemetry::Value>) {
        self.inner.set_attribute(KeyValue::new(key, value));
    }
}

/// Awaits `work`; if it has to wait, starts a child span of `parent` with this name until it is done.
pub async fn while_waiting<T>(parent: Option<&Span>, name: &'static str, work: impl Future<Output = T>) -> T {
    let Some(parent) = parent else { return work.await };
    let mut work = pin!(work);
    let mut waiting = None;
    std::future::poll_fn(|context| {
        let progress = work.as_mut().poll(context);
        if progress.is_pending() {
            waiting.get_or_insert_with(|| parent.child(name));
        }
        progress
    })
    .await
}

/// The span name that the conventions define for the request.
fn method_or_http<B>(request: &Request<B>) -> &'static str {
    match method_name(request.method()) {
        "_OTHER" => "HTTP",
        name => name,
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
