//! The `OTEL_*` variables, which say where telemetry is pushed to and what it calls itself (OpenTelemetry specification,
//! "Environment Variable Specification" and "OpenTelemetry Protocol Exporter").
//!
//! Without an endpoint nothing is pushed, and the other variables are not judged. None of them stops a start: they are often
//! set for all programs of a pod.

use super::otel_spans::{self, Sampling, SpanQueue};
use super::problems::Fault;
use super::reader::Reader;
use super::{network, parse};
use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use std::time::Duration;

/// What is pushed to a collector, and as what.
#[derive(Clone, Debug, Default)]
pub struct OtelConfig {
    /// Where metrics go, and how often.
    pub metrics: Option<(Collector, Duration)>,
    /// Where spans go, and of which requests.
    pub traces: Option<(Collector, Sampling)>,
    /// How spans wait for their delivery.
    pub span_queue: SpanQueue,
    /// Attributes of this process, keys without duplicates; `service.name` is always among them.
    pub resource: Vec<(String, String)>,
}

/// What takes one kind of telemetry, by OTLP over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    /// An http or https URL.
    pub endpoint: String,
    /// What goes with each request. Values may be credentials and are marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The bound on one delivery.
    pub timeout: Duration,
}

/// How one kind of telemetry is delivered, by the names of its variables.
#[derive(Clone, Copy)]
struct Names {
    protocol: &'static str,
    compression: &'static str,
    headers: &'static str,
    timeout: &'static str,
}

/// For both kinds, unless the kind has its own.
const COMMON: Names = Names {
    protocol: "OTEL_EXPORTER_OTLP_PROTOCOL",
    compression: "OTEL_EXPORTER_OTLP_COMPRESSION",
    headers: "OTEL_EXPORTER_OTLP_HEADERS",
    timeout: "OTEL_EXPORTER_OTLP_TIMEOUT",
};

/// What tells metrics from spans: variables, and the part of the path.
#[derive(Clone, Copy)]
struct Signal {
    exporter: &'static str,
    endpoint: &'static str,
    path: &'static str,
    names: Names,
}

const METRICS: Signal = Signal {
    exporter: "OTEL_METRICS_EXPORTER",
    endpoint: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    path: "v1/metrics",
    names: Names {
        protocol: "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
        compression: "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION",
        headers: "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
        timeout: "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
    },
};

const TRACES: Signal = Signal {
    exporter: "OTEL_TRACES_EXPORTER",
    endpoint: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    path: "v1/traces",
    names: Names {
        protocol: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        compression: "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        headers: "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        timeout: "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    },
};

/// What cannot be used has been left with the reader as a notice: it may be meant for another program.
pub(super) fn otel(reader: &mut Reader<'_>) -> OtelConfig {
    let base = reader.foreign("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    let [metrics, traces] = [METRICS, TRACES].map(|signal| {
        // The common endpoint is a base, the other a whole address.
        let own = reader.foreign(signal.endpoint, endpoint);
        own.or_else(|| base.as_ref().map(|base| format!("{}/{}", base.trim_end_matches('/'), signal.path)))
    });
    if metrics.is_none() && traces.is_none() || reader.foreign("OTEL_SDK_DISABLED", boolean).unwrap_or(false)
    {
        return OtelConfig::default();
    }
    let common = Delivery::read(reader, COMMON);
    let metrics = metrics.and_then(|endpoint| collector(reader, METRICS, endpoint, &common));
    let traces = traces.and_then(|endpoint| collector(reader, TRACES, endpoint, &common));
    let metrics = metrics.map(|collector| {
        let every = reader.foreign("OTEL_METRIC_EXPORT_INTERVAL", milliseconds);
        (collector, every.unwrap_or(Duration::from_secs(60)))
    });
    let traces = traces.map(|collector| (collector, otel_spans::sampling(reader)));
    if metrics.is_none() && traces.is_none() {
        return OtelConfig::default();
    }
    let span_queue = if traces.is_some() { otel_spans::queue(reader) } else { SpanQueue::default() };
    OtelConfig { metrics, traces, span_queue, resource: resource(reader) }
}

/// How telemetry is delivered; `None` where nothing was said.
struct Delivery {
    /// Whether the protocol is the one that is spoken here.
    spoken: Option<bool>,
    headers: Option<Vec<(HeaderName, HeaderValue)>>,
    timeout: Option<Duration>,
}

impl Delivery {
    fn read(reader: &mut Reader<'_>, names: Names) -> Self {
        let spoken = reader.foreign(names.protocol, |text| Ok(text.eq_ignore_ascii_case("http/protobuf")));
        if spoken == Some(false) {
            reader.notice(names.protocol, "attache speaks http/protobuf only, so nothing is pushed");
        }
        reader.foreign(names.compression, compression);
        let headers = reader.foreign_secret(names.headers, headers);
        let timeout = reader.foreign(names.timeout, milliseconds);
        Self { spoken, headers, timeout }
    }
}

/// `None` where this kind of telemetry is not pushed.
fn collector(
    reader: &mut Reader<'_>,
    signal: Signal,
    endpoint: String,
    common: &Delivery,
) -> Option<Collector> {
    if !reader.foreign(signal.exporter, exporter).unwrap_or(true) {
        return None;
    }
    let own = Delivery::read(reader, signal.names);
    own.spoken.or(common.spoken).unwrap_or(true).then(|| Collector {
        endpoint,
        headers: own.headers.or_else(|| common.headers.clone()).unwrap_or_default(),
        timeout: own.timeout.or(common.timeout).unwrap_or(Duration::from_secs(10)),
    })
}

fn resource(reader: &mut Reader<'_>) -> Vec<(String, String)> {
    let mut resource = reader.foreign("OTEL_RESOURCE_ATTRIBUTES", pairs).unwrap_or_default();
    if let Some(name) = reader.foreign("OTEL_SERVICE_NAME", |text| Ok(text.to_owned())) {
        resource.retain(|(key, _)| key != SERVICE_NAME);
        resource.push((SERVICE_NAME.to_owned(), name));
    }
    if !resource.iter().any(|(key, _)| key == SERVICE_NAME) {
        resource.push((SERVICE_NAME.to_owned(), env!("CARGO_PKG_NAME").to_owned()));
    }
    resource
}

const SERVICE_NAME: &str = "service.name";

fn endpoint(text: &str) -> Result<String, Fault> {
    network::endpoint_url(text)
        .map_err(|_| Fault::new("must be an http or https URL such as http://127.0.0.1:4318"))
}

/// True in any case of letters, and false for all else (OpenTelemetry specification, "Boolean value").
fn boolean(text: &str) -> Result<bool, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Fault::new("must be true or false")),
    }
}

/// Whether telemetry is pushed. Prometheus collects the metrics here in any case.
fn exporter(text: &str) -> Result<bool, Fault> {
    let exporters = text.to_ascii_lowercase();
    let mut exporters = exporters.split(',').map(str::trim);
    if exporters.clone().any(|exporter| exporter == "otlp") {
        return Ok(true);
    }
    match exporters.all(|exporter| matches!(exporter, "none" | "prometheus" | "console" | "logging")) {
        true => Ok(false),
        false => Err(Fault::new("must be otlp or none")),
    }
}

fn compression(text: &str) -> Result<(), Fault> {
    match text.eq_ignore_ascii_case("none") {
        true => Ok(()),
        false => Err(Fault::new("must be none: what is pushed is not compressed")),
    }
}

pub(super) fn milliseconds(text: &str) -> Result<Duration, Fault> {
    let count = parse::count(text, 86_400_000)
        .map_err(|_| Fault::new("must be a whole number of milliseconds, from 1 to 86400000"))?;
    Ok(Duration::from_millis(count.get() as u64))
}

fn headers(text: &str) -> Result<Vec<(HeaderName, HeaderValue)>, Fault> {
    let fault = || Fault::new("must be a comma list of name=value, values percent-encoded");
    let header = |(name, value): (String, String)| {
        let name = HeaderName::try_from(name).map_err(|_| fault())?;
        let mut value = HeaderValue::try_from(value).map_err(|_| fault())?;
        value.set_sensitive(true);
        Ok((name, value))
    };
    pairs(text).map_err(|_| fault())?.into_iter().map(header).collect()
}

fn pairs(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let fault = || Fault::new("must be a comma list of key=value, values percent-encoded");
    let mut pairs: Vec<(String, String)> = Vec::new();
    for member in text.split(',').map(str::trim).filter(|member| !member.is_empty()) {
        let (key, value) = member.split_once('=').ok_or_else(fault)?;
        let value = percent_decode_str(value.trim()).decode_utf8().map_err(|_| fault())?.into_owned();
        let key = key.trim();
        if key.is_empty() {
            return Err(fault());
        }
        pairs.retain(|(known, _)| known != key);
        pairs.push((key.to_owned(), value));
    }
    Ok(pairs)
}
