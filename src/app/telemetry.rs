//! The telemetry of a run: metrics for scrapes, and the push of metrics and spans to collectors where it is configured.

use crate::clock::Clock;
use crate::config::Config;
use crate::config::otel::OtelConfig;
use crate::config::upstream::UpstreamTlsFiles;
use crate::model::target::Scheme;
use crate::tasks::{self, Tasks};
use crate::telemetry::last_push;
use crate::telemetry::metrics::{Metrics, MetricsError};
use crate::telemetry::process_info::ProcessInfo;
use crate::telemetry::push::{self, PushError};
use crate::telemetry::traces::Traces;
use crate::tls::client::{Alpn, TrustError, UpstreamTls};
use tokio_rustls::TlsConnector;

/// The maximum number of series of one metric; further label values are counted together.
const MAX_SERIES: usize = 1000;

/// The metrics and spans of a run. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Telemetry {
    /// The metrics of requests, tokens and the process.
    pub(super) metrics: Metrics,
    /// The spans of requests.
    pub(super) traces: Traces,
}

/// Why the telemetry of a run cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Metrics cannot be set up.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The push to a collector cannot be set up.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The certificates that verify a collector cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Telemetry {
    /// Sets up the metrics and spans that `config` asks for. Must be called on the runtime that carries requests.
    ///
    /// # Errors
    /// When metrics, the push or its TLS cannot be set up.
    pub(super) fn start(config: &Config, clock: Clock) -> Result<Self, TelemetryError> {
        let push = push::prepare(&config.otel, tls(config)?, &Tasks::default())?;
        let metrics = match (&config.metrics, push.metrics) {
            (None, None) => Metrics::disabled(),
            (_, push) => Metrics::pushed_too(MAX_SERIES, push)?,
        };
        metrics.describe(ProcessInfo {
            started: clock.now(),
            refresh_skew: config.route().credential.template().refresh_skew,
            cache_capacity: config.tokens.cache_capacity.get() as u64,
            config_generation: config.file.as_ref().map(|file| file.generation.clone()),
            runtime: tasks::runtime(),
        });
        Ok(Self { metrics, traces: push.traces })
    }

    /// Pushes the last metrics and spans, for a few seconds at most.
    pub(super) async fn finish(self) {
        last_push::finish(self.metrics, self.traces).await;
    }
}

/// The TLS connector for https collectors, which verifies them as upstreams; `None` when no collector uses https.
fn tls(config: &Config) -> Result<Option<TlsConnector>, TrustError> {
    let OtelConfig { metrics, traces, .. } = &config.otel;
    let collectors =
        metrics.iter().map(|(collector, _)| collector).chain(traces.iter().map(|(collector, _)| collector));
    let mut secure = collectors.filter(|collector| collector.endpoint.starts_with("https:"));
    let files = UpstreamTlsFiles { ca_cert: config.route().upstream.tls.ca_cert.clone(), client: None };
    let trusted = |_| UpstreamTls::load(Scheme::Https, files).map(|tls| tls.connector(Alpn::Http1));
    secure.next().map(trusted).transpose()
}
