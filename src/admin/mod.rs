//! The second listener: metrics and health, away from the traffic.

/// Is the proxy ready, and if not, what is missing.
pub mod health;
