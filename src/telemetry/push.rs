//! Pushes metrics and spans to a collector by OTLP over HTTP, with the exporters of OpenTelemetry's SDK.
//!
//! The SDK collects and encodes on threads of its own; a task of ours delivers what it has encoded.

use super::otlp_client;
use super::traces::Traces;
use crate::config::otel::{Collector, OtelConfig};
use crate::config::otel_spans::{Sampling, SpanQueue};
use crate::tasks::Tasks;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, Temporality};
use opentelemetry_sdk::trace::{
    BatchConfig, BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData,
};
use std::time::Duration;
use tokio_rustls::TlsConnector;

/// Why the push cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("what pushes telemetry cannot be set up")]
pub struct PushError(#[from] ExporterBuildError);

/// The parts that push metrics and spans.
pub struct Push {
    /// The push of metrics, for [`Metrics::pushed_too`](super::metrics::Metrics::pushed_too).
    pub metrics: Option<MetricsPush>,
    /// The spans of requests.
    pub traces: Traces,
}

/// The reader that pushes metrics, and the resource they describe.
pub struct MetricsPush {
    pub(super) reader: PeriodicReader<IgnoreErrors<MetricExporter>>,
    pub(super) resource: Resource,
}

/// Sets up the push that `config` asks for. `tasks` owns the tasks that deliver, and `tls` is for https collectors.
///
/// # Errors
/// When the SDK cannot be set up.
pub fn prepare(config: &OtelConfig, tls: Option<TlsConnector>, tasks: &Tasks) -> Result<Push, PushError> {
    let resource = resource(config);
    let client =
        |collector: &Collector, signal| otlp_client::open(collector.clone(), signal, tls.clone(), tasks);
    let metrics = config.metrics.as_ref().map(|(collector, every)| {
        let exporter = MetricExporter::builder()
            .with_http()
            .with_http_client(client(collector, "metrics"))
            .with_endpoint(&collector.endpoint)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(collector.timeout)
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        let reader = PeriodicReader::builder(IgnoreErrors(exporter)).with_interval(*every).build();
        Ok::<_, PushError>(MetricsPush { reader, resource: resource.clone() })
    });
    let traces = config.traces.as_ref().map(|(collector, sampling)| {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client(collector, "traces"))
            .with_endpoint(&collector.endpoint)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(collector.timeout)
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_sampler(sampler(*sampling))
            .with_span_processor(
                BatchSpanProcessor::builder(IgnoreErrors(exporter))
                    .with_batch_config(queue(config.span_queue))
                    .build(),
            )
            .build();
        Ok::<_, PushError>(Traces::new(provider))
    });
    Ok(Push { metrics: metrics.transpose()?, traces: traces.transpose()?.unwrap_or_else(Traces::disabled) })
}

fn resource(config: &OtelConfig) -> Resource {
    let ours = [
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()),
    ];
    let told = config.resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder_empty().with_attributes(ours).with_attributes(told).build()
}

/// The configuration of the span queue. Without it the SDK would read the variables itself, and accept any size and any
/// delay.
fn queue(SpanQueue { size, batch, interval }: SpanQueue) -> BatchConfig {
    BatchConfigBuilder::default()
        .with_max_queue_size(size)
        .with_max_export_batch_size(batch)
        .with_scheduled_delay(interval)
        .build()
}

fn sampler(Sampling { parent_based, ratio }: Sampling) -> Sampler {
    let root = Sampler::TraceIdRatioBased(ratio);
    if parent_based { Sampler::ParentBased(Box::new(root)) } else { root }
}

/// Ignores the errors of an exporter. They have been logged once already, and the SDK would log each of them.
#[derive(Debug)]
pub(super) struct IgnoreErrors<E>(E);

impl opentelemetry_sdk::trace::SpanExporter for IgnoreErrors<SpanExporter> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.export(batch).await.or(Ok(()))
    }

    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(limit)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

impl PushMetricExporter for IgnoreErrors<MetricExporter> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.0.export(metrics).await.or(Ok(()))
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(limit)
    }

    fn temporality(&self) -> Temporality {
        self.0.temporality()
    }
}
