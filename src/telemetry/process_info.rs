//! Metrics of a running proxy's build, its runtime, and the settings that alerts compare with.

use super::process;
use crate::config::generation::Generation;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use std::env::consts::{ARCH, OS};
use std::time::{Duration, SystemTime};
use tokio::runtime::RuntimeMetrics;

/// Information on a proxy that is known at its start.
pub struct ProcessInfo {
    /// The start time of the process.
    pub started: SystemTime,
    /// The value of `--token-refresh-skew`.
    pub refresh_skew: Duration,
    /// The value of `--token-cache-capacity`.
    pub cache_capacity: u64,
    /// Which content of the configuration file is in use; `None` without a file.
    pub config_generation: Option<Generation>,
    /// The runtime that serves requests.
    pub runtime: RuntimeMetrics,
}

pub(super) fn observe(meter: &Meter, info: ProcessInfo) {
    let ProcessInfo { started, refresh_skew, cache_capacity, config_generation, runtime } = info;
    process::observe(meter, started);
    let build = [
        KeyValue::new("target", format!("{ARCH}-{OS}")),
        KeyValue::new("version", env!("CARGO_PKG_VERSION")),
    ];
    meter
        .u64_observable_gauge("attache.build_info")
        .with_description("Always 1; the labels say which build runs.")
        .with_callback(move |gauge| gauge.observe(1, &build))
        .build();
    meter
        .f64_observable_gauge("token.refresh.skew")
        .with_unit("s")
        .with_description("How long before its expiry a token is renewed at the latest, as configured.")
        .with_callback(move |gauge| gauge.observe(refresh_skew.as_secs_f64(), &[]))
        .build();
    meter
        .u64_observable_gauge("token.cache.capacity")
        .with_description("The most audience sets that are held, as configured.")
        .with_callback(move |gauge| gauge.observe(cache_capacity, &[]))
        .build();
    if let Some(generation) = config_generation {
        observe_config(meter, &generation);
    }
    observe_runtime(meter, &runtime);
}

/// Names them as Prometheus does for its own configuration.
fn observe_config(meter: &Meter, generation: &Generation) {
    let source = generation.clone();
    meter
        .u64_observable_gauge("config.last_reload_successful")
        .with_description("Whether the configuration file, as it was seen last, is in use.")
        .with_callback(move |gauge| gauge.observe(source.known().last_rejected.is_none().into(), &[]))
        .build();
    let source = generation.clone();
    meter
        .f64_observable_gauge("config.last_reload_success_timestamp")
        .with_unit("s")
        .with_description("When the configuration file in use was taken into use, in seconds since 1970.")
        .with_callback(move |gauge| {
            if let Some(current) = source.known().current {
                let since = current.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                gauge.observe(since.as_secs_f64(), &[]);
            }
        })
        .build();
}

fn observe_runtime(meter: &Meter, runtime: &RuntimeMetrics) {
    let gauge = |name, help, read: fn(&RuntimeMetrics) -> usize| {
        let runtime = runtime.clone();
        meter
            .u64_observable_gauge(name)
            .with_description(help)
            .with_callback(move |gauge| gauge.observe(read(&runtime) as u64, &[]))
            .build();
    };
    gauge("tokio.workers", "Threads that carry requests.", RuntimeMetrics::num_workers);
    gauge("tokio.alive_tasks", "Tasks that have begun and not ended.", RuntimeMetrics::num_alive_tasks);
    gauge(
        "tokio.global_queue_depth",
        "Tasks that wait for a thread and belong to none yet.",
        RuntimeMetrics::global_queue_depth,
    );
}
