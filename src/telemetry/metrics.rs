//! Records metrics: each is a method of one type, so that no other file knows a metric's name or labels.

use super::instruments::{Instruments, Observed, SCHEMA_URL, view};
use super::labels::{AudienceLabel, ErrorClass, ErrorType, ServerLabels, TokenResult};
use super::process_info::{self, ProcessInfo};
use super::push::MetricsPush;
use http::{Method, StatusCode};
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Records metrics, and shows them in the Prometheus text format. Cloning is cheap.
#[derive(Clone)]
pub struct Metrics(Option<Arc<Live>>);

struct Live {
    instruments: Instruments,
    observed: Arc<Observed>,
    meter: Meter,
    registry: Registry,
    /// Keeps the instruments' pipeline, to which the exporter holds a weak reference. A drop would wait for a last
    /// push, which only [`Metrics::finish`] may do.
    provider: ManuallyDrop<SdkMeterProvider>,
}

/// Why metrics cannot be set up or shown.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The limit on series is 0, or more than [`MAX_CARDINALITY`].
    #[error("{0} is no limit on the series of a metric, it must lie between 1 and {MAX_CARDINALITY}")]
    CardinalityLimit(usize),
    /// The exporter cannot be set up.
    #[error("the metrics exporter cannot be set up")]
    Exporter(#[source] opentelemetry_sdk::error::OTelSdkError),
    /// The collected metrics cannot be written in the Prometheus text format.
    #[error("the metrics cannot be written in the Prometheus text format")]
    Encoding(#[source] prometheus::Error),
}

/// The maximum limit on a metric's series. The SDK allocates for the limit at once, about 32 bytes a series and metric.
pub const MAX_CARDINALITY: usize = 100_000;

impl Metrics {
    /// Creates metrics with at most `cardinality_limit` series each (1 to [`MAX_CARDINALITY`]). Further label values
    /// are counted together, in a series with `otel_metric_overflow="true"`.
    ///
    /// # Errors
    /// When the limit is out of range, or the exporter cannot be set up.
    pub fn new(cardinality_limit: usize) -> Result<Self, MetricsError> {
        Self::pushed_too(cardinality_limit, None)
    }

    /// Creates metrics as [`Metrics::new`] does, which `push` also delivers to a collector.
    ///
    /// # Errors
    /// Those of [`Metrics::new`].
    pub fn pushed_too(cardinality_limit: usize, push: Option<MetricsPush>) -> Result<Self, MetricsError> {
        if !(1..=MAX_CARDINALITY).contains(&cardinality_limit) {
            return Err(MetricsError::CardinalityLimit(cardinality_limit));
        }
        let registry = Registry::new();
        // Target information lacks the labels of the scope, and has attributes from the environment.
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_target_info()
            .build()
            .map_err(MetricsError::Exporter)?;
        let provider = SdkMeterProvider::builder().with_reader(exporter).with_view(view(cardinality_limit));
        let provider = match push {
            Some(MetricsPush { reader, resource }) => provider.with_resource(resource).with_reader(reader),
            None => provider.with_resource(Resource::builder_empty().build()),
        };
        let provider = provider.build();
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA_URL)
            .build();
        let observed = Arc::default();
        let meter = provider.meter_with_scope(scope);
        let instruments = Instruments::new(&meter, &observed);
        Ok(Self(Some(Arc::new(Live {
            instruments,
            observed,
            meter,
            registry,
            provider: ManuallyDrop::new(provider),
        }))))
    }

    /// Adds the metrics of the process, its settings and its runtime. Must be called once.
    pub fn describe(&self, info: ProcessInfo) {
        let Some(live) = &self.0 else { return };
        process_info::observe(&live.meter, info);
    }

    /// Metrics that record nothing and show nothing.
    pub fn disabled() -> Self {
        Self(None)
    }

    /// Records that a request's header has arrived.
    pub fn request_started(&self) {
        let Some(live) = &self.0 else { return };
        live.observed.active.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that a started request has ended, with or without a complete response. `elapsed` counts from its start.
    pub fn request_finished(&self, method: &Method, status: StatusCode, elapsed: Duration) {
        let Some(live) = &self.0 else { return };
        live.observed.active.fetch_sub(1, Ordering::Relaxed);
        live.instruments.server.record(method, status, elapsed.as_secs_f64());
    }

    /// The number of requests in progress; `None` when metrics are disabled.
    pub fn active_requests(&self) -> Option<i64> {
        self.0.as_ref().map(|live| live.observed.active.load(Ordering::Relaxed))
    }

    /// Records an upstream call that has ended. `error` is for calls without a response; a 5xx is a response.
    pub fn upstream_call(
        &self,
        server: &ServerLabels,
        error: Option<ErrorType>,
        token: TokenResult,
        elapsed: Duration,
    ) {
        let Some(live) = &self.0 else { return };
        let histogram = &live.instruments.client;
        let seconds = elapsed.as_secs_f64();
        match (error, token) {
            (None, TokenResult::Ok) => server.success(|labels| histogram.bind(labels)).record(seconds),
            (error, token) => histogram.record(seconds, &server.attributes(error, token)),
        }
    }

    /// Records a token fetch, successful or not.
    pub fn token_fetch(&self, audience: &AudienceLabel, outcome: Result<(), ErrorClass>, elapsed: Duration) {
        let Some(live) = &self.0 else { return };
        live.instruments.fetch_duration.record(elapsed.as_secs_f64(), audience.attributes());
        let [name] = audience.attributes().clone();
        match outcome {
            Ok(()) => live.instruments.fetches.add(1, &[name, KeyValue::new("result", "ok")]),
            Err(class) => {
                let class = KeyValue::new("error_class", class.as_str());
                live.instruments.fetches.add(1, &[name, class, KeyValue::new("result", "error")]);
            }
        }
    }

    /// Records that a request found a valid token in memory.
    pub fn cache_hit(&self, audience: &AudienceLabel) {
        let Some(live) = &self.0 else { return };
        audience.hits(|labels| live.instruments.hits.bind(labels)).add(1);
    }

    /// Records that a request found no valid token in memory.
    pub fn cache_miss(&self, audience: &AudienceLabel) {
        let Some(live) = &self.0 else { return };
        live.instruments.misses.add(1, audience.attributes());
    }

    /// Records an exchange, successful or with a failure of a class from a closed set. Credentials are named by the configuration.
    pub fn exchange(&self, credential: &Arc<str>, outcome: Result<(), &'static str>, elapsed: Duration) {
        let Some(live) = &self.0 else { return };
        let name = KeyValue::new("credential", Arc::clone(credential));
        live.instruments.exchange_duration.record(elapsed.as_secs_f64(), std::slice::from_ref(&name));
        match outcome {
            Ok(()) => live.instruments.exchanges.add(1, &[name, KeyValue::new("result", "ok")]),
            Err(class) => {
                let class = KeyValue::new("error_class", class);
                live.instruments.exchanges.add(1, &[name, class, KeyValue::new("result", "error")]);
            }
        }
    }

    /// Sets the expiry of an exchanged credential.
    pub fn credential_expiry(&self, credential: &Arc<str>, expires: SystemTime) {
        let Some(live) = &self.0 else { return };
        let since_1970 = expires.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        live.observed.credential_expiries().insert(Arc::clone(credential), since_1970.as_secs_f64());
    }

    /// Removes the expiry of an exchanged credential that is no longer in memory.
    pub fn forget_credential(&self, credential: &Arc<str>) {
        let Some(live) = &self.0 else { return };
        live.observed.credential_expiries().remove(credential);
    }

    /// Sets the expiry of the token of an audience set.
    pub fn token_expiry(&self, audience: &AudienceLabel, expires: SystemTime) {
        let Some(live) = &self.0 else { return };
        let since_1970 = expires.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        live.observed.expiries().insert(Arc::clone(audience.name()), since_1970.as_secs_f64());
    }

    /// Records a token that differs from the request in this field, from a closed set.
    pub fn token_difference(&self, audience: &AudienceLabel, field: &'static str) {
        let Some(live) = &self.0 else { return };
        let [name] = audience.attributes().clone();
        live.instruments.mismatches.add(1, &[name, KeyValue::new("field", field)]);
    }

    /// Sets the seconds by which AWS's clock is ahead of this machine's; negative when it is behind.
    pub fn clock_ahead(&self, seconds: i64) {
        let Some(live) = &self.0 else { return };
        *live.observed.clock_ahead() = Some(seconds);
    }

    /// Removes the expiry of an audience set that is no longer in memory.
    pub fn forget_audience(&self, audience: &AudienceLabel) {
        let Some(live) = &self.0 else { return };
        live.observed.expiries().remove(audience.name());
    }

    /// Sets the number of audience sets in memory.
    pub fn cached_audiences(&self, held: usize) {
        let Some(live) = &self.0 else { return };
        live.observed.cached.store(held as u64, Ordering::Relaxed);
    }

    /// Records that the policy refused a request, for a reason from a closed set.
    pub fn policy_denied(&self, reason: &'static str) {
        let Some(live) = &self.0 else { return };
        live.instruments.denied.add(1, &[KeyValue::new("reason", reason)]);
    }

    /// Pushes a last time, if metrics are pushed. It waits for the collector, so it must not run on a thread that
    /// serves requests.
    pub(super) fn finish(&self) {
        if let Some(live) = &self.0 {
            // A failed delivery has already been logged.
            let _ = live.provider.shutdown();
        }
    }

    /// All metrics in the Prometheus text format; `None` when metrics are disabled. With thousands of series this takes
    /// milliseconds, so it must not run on a thread that serves requests.
    pub fn exposition(&self) -> Option<Result<String, MetricsError>> {
        let live = self.0.as_ref()?;
        let families = live.registry.gather();
        Some(TextEncoder::new().encode_to_string(&families).map_err(MetricsError::Encoding))
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
