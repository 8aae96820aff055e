//! One request, in reading order.

/// Request to target.
pub mod target;
/// Is this target allowed.
pub mod policy;
