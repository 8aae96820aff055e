//! The tracing targets that the log tells apart.

/// The tracing target of the access log. Its events pass at any `--log-level` when `--access-log` is set, and otherwise
/// like all others.
pub const ACCESS: &str = "attache::access";

/// What the targets of this crate begin with.
pub(super) const OURS: &str = env!("CARGO_PKG_NAME");
/// What the targets of AWS's crates begin with.
pub(super) const AWS: &str = "aws_";
/// The library of HTTP/2. A peer can have it write a line a frame, at warn.
pub(super) const H2: &str = "h2";
