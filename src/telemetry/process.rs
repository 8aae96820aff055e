//! Metrics of the process as the operating system reports them, under the names that Prometheus' own client libraries
//! use. A system without `/proc` lacks the series that are read there.

use opentelemetry::metrics::Meter;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Adds the metrics, which are read at each scrape; `started` is the start time of the process.
pub(super) fn observe(meter: &Meter, started: SystemTime) {
    meter
        .f64_observable_counter("process.cpu")
        .with_unit("s")
        .with_description("Time that the process has spent on processors.")
        .with_callback(|counter| counter.observe(cpu_seconds(), &[]))
        .build();
    let start = started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    meter
        .f64_observable_gauge("process.start.time")
        .with_unit("s")
        .with_description("When the process began, in seconds since 1970.")
        .with_callback(move |gauge| gauge.observe(start, &[]))
        .build();
    gauge(meter, "process.resident.memory", "By", "Memory of the process that is in RAM.", || {
        memory("VmRSS:")
    });
    gauge(meter, "process.virtual.memory", "By", "Memory that the process has mapped.", || memory("VmSize:"));
    gauge(meter, "process.open_fds", "", "File descriptors that are open.", open_fds);
    gauge(meter, "process.max_fds", "", "File descriptors that may be open at once.", max_fds);
}

fn gauge(
    meter: &Meter,
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    read: impl Fn() -> Option<u64> + Send + Sync + 'static,
) {
    meter
        .u64_observable_gauge(name)
        .with_unit(unit)
        .with_description(help)
        .with_callback(move |gauge| {
            if let Some(value) = read() {
                gauge.observe(value, &[]);
            }
        })
        .build();
}

fn cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// Reads a line of `proc_pid_status(5)`, which counts in KiB.
fn memory(line: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|text| text.strip_prefix(line))?;
    let kibibytes: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn open_fds() -> Option<u64> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    // Reading the directory opens one descriptor.
    Some(open.saturating_sub(1))
}

fn max_fds() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}
