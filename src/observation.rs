//! What is measured of a run, and where it goes: metrics and spans, kept for whoever asks and pushed where that is wanted.

use crate::clock::Clock;
use crate::config::otel::OtelConfig;
use crate::config::{Config, UpstreamTlsFiles};
use crate::proxy::target::Scheme;
use crate::proxy::trust::{Offer, TrustError, UpstreamTls};
use crate::tasks::{self, Tasks};
use crate::telemetry::metrics::{Metrics, MetricsError};
use crate::telemetry::process_info::ProcessInfo;
use crate::telemetry::push::{self, PushError};
use crate::telemetry::traces::Traces;
use tokio_rustls::TlsConnector;

/// The most series of one metric; more label values are counted together.
const MOST_SERIES: usize = 1000;

/// Metrics and spans. Cloning is cheap.
#[derive(Clone)]
pub struct Observation {
    /// What is counted.
    pub metrics: Metrics,
    /// What is traced.
    pub traces: Traces,
}

/// Why a run cannot be observed as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ObservationError {
    /// Metrics cannot be set up.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// What pushes cannot be set up.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The collector could not be verified.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Observation {
    /// Begins what `config` asks for. To be called on the runtime that carries requests.
    ///
    /// # Errors
    /// When a part of it cannot be set up.
    pub fn begin(config: &Config, clock: Clock) -> Result<Self, ObservationError> {
        let callers = if config.inbound_tls.is_some() { Scheme::Https } else { Scheme::Http };
        let push = push::prepare(&config.otel, tls(config)?, callers.as_str(), &Tasks::default())?;
        let metrics = match (&config.metrics, push.metrics) {
            (None, None) => Metrics::disabled(),
            (_, push) => Metrics::pushed_too(MOST_SERIES, push)?,
        };
        metrics.describe(ProcessInfo {
            started: clock.now(),
            refresh_skew: config.tokens.refresh_skew,
            cache_capacity: config.tokens.cache_capacity.get() as u64,
            runtime: tasks::runtime(),
        });
        Ok(Self { metrics, traces: push.traces })
    }

    /// Delivers what is left to deliver, for a few seconds at most.
    pub async fn finish(self) {
        push::finish(self.metrics, self.traces).await;
    }
}

/// How an https collector is verified: as upstreams are. `None` where there is none.
fn tls(config: &Config) -> Result<Option<TlsConnector>, TrustError> {
    let OtelConfig { metrics, traces, .. } = &config.otel;
    let collectors =
        metrics.iter().map(|(collector, _)| collector).chain(traces.iter().map(|(collector, _)| collector));
    let mut secure = collectors.filter(|collector| collector.endpoint.starts_with("https:"));
    let files = UpstreamTlsFiles { ca_cert: config.upstream.tls.ca_cert.clone(), client: None };
    let trusted = |_| UpstreamTls::load(Scheme::Https, files).map(|tls| tls.connector(Offer::Http1));
    secure.next().map(trusted).transpose()
}
