//! The `OTEL_*` variables, which set where telemetry is pushed to and the attributes of its source (OpenTelemetry specification,
//! "Environment Variable Specification" and "OpenTelemetry Protocol Exporter").
//!
//! Without an endpoint nothing is pushed, and the other variables are not parsed. An invalid one never prevents a start, because
//! these variables are often set for all programs of a pod.

use super::network;
use super::otel_spans::{self, Sampling, SpanQueue};
use super::otel_values::milliseconds;
use super::problems::Fault;
use super::reader::Reader;
use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use std::time::Duration;

/// Which telemetry is pushed, where and how.
#[derive(Clone, Debug, Default)]
pub struct OtelConfig {
    /// Where metrics are pushed to, and the interval.
    pub metrics: Option<(Collector, Duration)>,
    /// Where spans are pushed to, and of which requests.
    pub traces: Option<(Collector, Sampling)>,
    /// The queue of spans that wait for their export.
    pub span_queue: SpanQueue,
    /// The attributes of this process. Keys are unique, and `service.name` is always among them.
    pub resource: Vec<(String, String)>,
}

/// A collector of one kind of telemetry, by OTLP over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    /// An http or https URL.
    pub endpoint: String,
    /// The headers of each request. Values may be credentials and are marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The timeout of one export.
    pub timeout: Duration,
}

/// The names of the variables that set how telemetry is exported.
#[derive(Clone, Copy)]
struct Names {
    protocol: &'static str,
    compression: &'static str,
    headers: &'static str,
    timeout: &'static str,
}

/// The variables for both kinds of telemetry, unless the kind's own are set.
const COMMON: Names = Names {
    protocol: "OTEL_EXPORTER_OTLP_PROTOCOL",
    compression: "OTEL_EXPORTER_OTLP_COMPRESSION",
    headers: "OTEL_EXPORTER_OTLP_HEADERS",
    timeout: "OTEL_EXPORTER_OTLP_TIMEOUT",
};

/// One kind of telemetry: its variables, and its path at the common endpoint.
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

/// Reads the variables. For an invalid value the reader records a notice, because it may be meant for another program.
pub(super) fn otel(reader: &mut Reader<'_>) -> OtelConfig {
    let base = reader.foreign("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    let [metrics, traces] = [METRICS, TRACES].map(|signal| {
        // The common endpoint is a base URL, the kind's own a complete one.
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

/// How telemetry is exported; `None` where a variable is unset.
struct Delivery {
    /// Whether the protocol is http/protobuf, the only one supported.
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

/// The collector of one kind of telemetry; `None` if this kind is not pushed.
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

/// Parses `true` or `false`, in upper or lower case (OpenTelemetry specification, "Boolean value").
fn boolean(text: &str) -> Result<bool, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Fault::new("must be true or false")),
    }
}

/// Whether telemetry is pushed. The metrics for Prometheus are served in any case.
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
