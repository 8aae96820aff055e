//! The telemetry of a running proxy: metrics, traces and logs.

/// All metrics, recorded through one type.
pub mod metrics;
/// Label values that are built once and used many times.
pub mod labels;
mod instruments;
/// Metrics of the build, the settings and the runtime.
pub mod process_info;
/// Metrics of the process, as the operating system reports them.
mod process;
/// Spans of requests.
pub mod traces;
/// The trace context in the headers of a request.
pub mod trace_context;
/// The push of metrics and spans to a collector.
pub mod push;
/// The last push, at the end of the process.
pub mod last_push;
mod otlp_client;
/// The log: format, filter and destination.
pub mod logs;
/// The tracing targets that the log tells apart.
pub mod targets;
mod format;
mod escape;
/// The last warnings and errors, for the status page.
pub mod recent;
/// Writes to stdout from a thread of its own.
pub mod writer;
