//! The tracing targets that the log filters by.

/// The target of the access log. With `--access-log` its events pass at any `--log-level`, otherwise like all others.
pub const ACCESS: &str = "attache::access";

/// The prefix of the targets of this crate.
pub(super) const OURS: &str = env!("CARGO_PKG_NAME");
/// The prefix of the targets of AWS's crates.
pub(super) const AWS: &str = "aws_";
/// The target of the HTTP/2 library. A peer can make it log a line for each frame, at warn.
pub(super) const H2: &str = "h2";
