//! From a name to an open connection: look-up, sockets, and the tunnel through an HTTP proxy.

/// Where names lead.
pub mod resolver;
/// What is known of names, and which look-ups run.
mod lookups;
/// Sockets: addresses, tries, how many at a time.
pub mod dialer;
/// The tunnel through an HTTP proxy.
pub mod tunnel;
/// Why there is no tunnel through one.
pub mod tunnel_error;
/// The time that a connection may take.
pub mod connect_time;
