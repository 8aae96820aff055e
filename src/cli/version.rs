//! The version line, for bug reports.

use std::env::consts::{ARCH, OS};

/// The version and platform, for example `attache 0.1.0 (x86_64-linux)`.
pub(super) fn line() -> String {
    format!("{} {} ({ARCH}-{OS})\n", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
}
