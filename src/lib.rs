//! An egress identity proxy for AWS workloads: plain HTTP in, a verified AWS identity token out.

/// What they typed, and what it means.
pub mod config;
/// One request, in reading order.
pub mod proxy;
/// A bearer for an audience.
pub mod token;
/// The only source of wall time.
pub mod clock;
/// A local STS, for laptops, tests and the demo; production code never knows that it exists.
pub mod emulator;
