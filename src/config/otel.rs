//! The `OTEL_*` variables, which say where telemetry is pushed to and what it calls itself (OpenTelemetry specification,
//! "Environment Variable Specification" and "OpenTelemetry Protocol Exporter").
//!
//! Without an endpoint nothing is pushed, and the other variables, which may be meant for another program, are not judged.

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

/// Which requests are traced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Whether a caller's own decision counts.
    pub parent_based: bool,
    /// The share of requests that no caller has decided about, 0 to 1.
    pub ratio: f64,
}

/// The part of a variable's name, and of the default path, that tells metrics from spans.
#[derive(Clone, Copy)]
struct Signal {
    exporter: &'static str,
    endpoint: &'static str,
    path: &'static str,
    protocol: &'static str,
    compression: &'static str,
    headers: &'static str,
    timeout: &'static str,
}

const METRICS: Signal = Signal {
    exporter: "OTEL_METRICS_EXPORTER",
    endpoint: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    path: "v1/metrics",
    protocol: "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    compression: "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION",
    headers: "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    timeout: "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
};

const TRACES: Signal = Signal {
    exporter: "OTEL_TRACES_EXPORTER",
    endpoint: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    path: "v1/traces",
    protocol: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    compression: "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    headers: "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    timeout: "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
};

/// What is wrong has been left with the reader.
pub(super) fn otel(reader: &mut Reader<'_>) -> OtelConfig {
    if reader.foreign("OTEL_SDK_DISABLED", parse::boolean).unwrap_or(false) {
        return OtelConfig::default();
    }
    let (metrics, traces) = (collector(reader, METRICS), collector(reader, TRACES));
    if metrics.is_none() && traces.is_none() {
        return OtelConfig::default();
    }
    let metrics = metrics.map(|collector| {
        let every = reader.foreign("OTEL_METRIC_EXPORT_INTERVAL", milliseconds);
        (collector, every.unwrap_or(Duration::from_secs(60)))
    });
    let traces = traces.map(|collector| (collector, sampling(reader)));
    OtelConfig { metrics, traces, resource: resource(reader) }
}

/// `None` where this kind of telemetry is not pushed.
fn collector(reader: &mut Reader<'_>, signal: Signal) -> Option<Collector> {
    let own = reader.foreign(signal.endpoint, endpoint);
    let common = reader.foreign("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    // The common endpoint is a base, the other a whole address.
    let endpoint = own.or(common.map(|base| format!("{}/{}", base.trim_end_matches('/'), signal.path)))?;
    if !reader.foreign(signal.exporter, exporter).unwrap_or(true) {
        return None;
    }
    reader.foreign(signal.protocol, protocol);
    reader.foreign("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
    reader.foreign(signal.compression, compression);
    reader.foreign("OTEL_EXPORTER_OTLP_COMPRESSION", compression);
    let headers = reader.foreign_secret(signal.headers, headers);
    let common_headers = reader.foreign_secret("OTEL_EXPORTER_OTLP_HEADERS", self::headers);
    let timeout = reader.foreign(signal.timeout, milliseconds);
    let common_timeout = reader.foreign("OTEL_EXPORTER_OTLP_TIMEOUT", milliseconds);
    Some(Collector {
        endpoint,
        headers: headers.or(common_headers).unwrap_or_default(),
        timeout: timeout.or(common_timeout).unwrap_or(Duration::from_secs(10)),
    })
}

fn sampling(reader: &mut Reader<'_>) -> Sampling {
    let (parent_based, share) =
        reader.foreign("OTEL_TRACES_SAMPLER", sampler).unwrap_or((true, Share::Fixed(1.0)));
    let ratio = match share {
        Share::Fixed(ratio) => ratio,
        Share::ByArgument => reader.foreign("OTEL_TRACES_SAMPLER_ARG", ratio).unwrap_or(1.0),
    };
    Sampling { parent_based, ratio }
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

fn exporter(text: &str) -> Result<bool, Fault> {
    match text {
        "otlp" => Ok(true),
        "none" => Ok(false),
        _ => Err(Fault::new("must be otlp or none")),
    }
}

fn protocol(text: &str) -> Result<(), Fault> {
    match text {
        "http/protobuf" => Ok(()),
        _ => Err(Fault::new("must be http/protobuf")
            .hint("collectors take it on port 4318; what they take on 4317 is grpc")),
    }
}

fn compression(text: &str) -> Result<(), Fault> {
    match text {
        "none" => Ok(()),
        _ => Err(Fault::new("must be none")),
    }
}

fn milliseconds(text: &str) -> Result<Duration, Fault> {
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

/// Where the share of traced requests is said.
enum Share {
    Fixed(f64),
    ByArgument,
}

fn sampler(text: &str) -> Result<(bool, Share), Fault> {
    let (parent_based, root) = match text.strip_prefix("parentbased_") {
        Some(root) => (true, root),
        None => (false, text),
    };
    let share = match root {
        "always_on" => Share::Fixed(1.0),
        "always_off" => Share::Fixed(0.0),
        "traceidratio" => Share::ByArgument,
        _ => {
            let rule = "must be always_on, always_off or traceidratio, or one of them after parentbased_";
            return Err(Fault::new(rule));
        }
    };
    Ok((parent_based, share))
}

fn ratio(text: &str) -> Result<f64, Fault> {
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err(Fault::new("must be a number from 0 to 1")),
    }
}
