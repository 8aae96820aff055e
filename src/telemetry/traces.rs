//! Spans of requests: one for the whole, and below it one for each thing that takes its time. Their names and attributes
//! are those of OpenTelemetry's semantic conventions for HTTP. None holds a query or a header.

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

/// Begins the spans of requests, where they are wanted. Cloning is cheap.
#[derive(Clone)]
pub struct Traces(Option<Arc<Live>>);

struct Live {
    tracer: SdkTracer,
    /// Dropping it would wait for what is still to be delivered, which is [`Traces::finish`]'s to decide.
    provider: ManuallyDrop<SdkTracerProvider>,
    /// How callers speak to this process.
    scheme: &'static str,
}

impl Traces {
    /// No spans at all.
    pub fn disabled() -> Self {
        Self(None)
    }

    /// Spans that go where `provider` takes them; callers speak `http` or `https`.
    pub(super) fn new(provider: SdkTracerProvider, scheme: &'static str) -> Self {
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA_URL)
            .build();
        let tracer = provider.tracer_with_scope(scope);
        Self(Some(Arc::new(Live { tracer, provider: ManuallyDrop::new(provider), scheme })))
    }

    /// The span of a request whose header has just arrived: part of the caller's trace where it names one.
    pub fn request<B>(&self, request: &Request<B>, client: Option<&HeaderValue>) -> Option<Box<Span>> {
        let live = self.0.as_ref()?;
        let caller = trace_context::caller(request.headers());
        let continued = caller.is_some();
        let mut span =
            Span::start(&live.tracer, method_or_http(request), SpanKind::Server, caller, continued);
        if span.inner.is_recording() {
            span.set("http.request.method", method_name(request.method()));
            span.set("url.scheme", live.scheme);
            span.set("url.path", request.uri().path().to_owned());
            span.set("network.protocol.version", version(request.version()));
            if let Some(client) = client.and_then(|client| client.to_str().ok()) {
                span.set("client.address", client.to_owned());
            }
        }
        Some(Box::new(span))
    }

    /// Hands over what has ended so far, and takes no more. Waits for the collector, so it is not for a thread that
    /// serves requests.
    pub(super) fn finish(&self) {
        if let Some(live) = &self.0 {
            // What could not be delivered has been said where it failed.
            let _ = live.provider.shutdown();
        }
    }
}

/// One span. It ends when it is dropped.
pub struct Span {
    tracer: SdkTracer,
    inner: sdk::Span,
    /// Whether the trace is the caller's.
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
        // To samplers, a parent that is no span is one that somebody chose not to trace.
        let context =
            parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        let inner = tracer.build_with_context(builder, &context);
        Self { tracer: tracer.clone(), inner, continued }
    }

    /// The trace that this span is part of.
    pub fn trace(&self) -> TraceId {
        TraceId(self.inner.span_context().trace_id())
    }

    /// A span within this one, for something that this process does.
    pub fn child(&self, name: &'static str) -> Self {
        self.within(name, SpanKind::Internal)
    }

    /// A span within this one for `request`, which is about to be sent to an upstream and now names the span. `origin` is
    /// what a URL begins with, up to its path.
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

    /// Ends the span of a call with the upstream's response, or with the code of what kept it from coming.
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

    /// Ends the span of a request with the status that the caller got, if any, and the code of what was wrong.
    pub fn answered(mut self, status: Option<StatusCode>, diagnostic: Option<&'static str>) {
        if let Some(status) = status {
            self.status(status);
        }
        match (status, diagnostic) {
            // What a caller does wrong is no error of this process (semantic conventions for HTTP spans, "Status").
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

/// Does the work, and lets a span named so begin within `parent` if it has to wait.
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

/// What the conventions call a span of this request.
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
