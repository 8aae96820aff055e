//! The way to upstreams: which protocol they are spoken to in, which connections carry a request, what attache shows of
//! itself.
#![expect(clippy::unwrap_used, reason = "in a test a broken expectation is to end the test")]

mod support;

#[path = "upstreams/client_certificates.rs"]
mod client_certificates;
#[path = "upstreams/connections.rs"]
mod connections;
#[path = "upstreams/frames.rs"]
mod frames;
#[path = "upstreams/protocol.rs"]
mod protocol;
#[path = "upstreams/turned_away.rs"]
mod turned_away;
