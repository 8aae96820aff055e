//! What an operator sees of a running proxy: metrics, traces and logs.

/// Every metric, recorded through one type.
pub mod metrics;
/// Label values, made once and used many times.
pub mod labels;
mod instruments;
/// Build, settings and runtime.
pub mod process_info;
/// What the system says of this process.
mod process;
/// Spans of requests.
pub mod traces;
/// The trace that a request belongs to, in its headers.
pub mod trace_context;
/// Metrics and spans on their way to a collector.
pub mod push;
/// The last push, at the end of the process.
pub mod last_push;
mod otlp_client;
/// What is logged, and where it goes.
pub mod logs;
/// The tracing targets that the log tells apart.
pub mod targets;
mod format;
mod escape;
/// The last warnings and errors, kept for whoever looks.
pub mod recent;
/// Stdout, written from a thread of its own.
pub mod writer;
