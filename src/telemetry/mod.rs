//! What an operator sees of a running proxy: metrics and logs.

/// Every metric, recorded through one type.
pub mod metrics;
/// Label values, made once and used many times.
pub mod labels;
mod instruments;
/// What is logged, and where it goes.
pub mod logs;
mod line;
/// The last warnings and errors, kept for whoever looks.
pub mod recent;
/// Stdout, written from a thread of its own.
pub mod output;
