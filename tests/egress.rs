//! Upstreams behind an HTTP proxy, as `HTTPS_PROXY` and its kin name one.
#![expect(clippy::unwrap_used, reason = "in a test a broken expectation is to end the test")]

mod support;

#[path = "egress/failures.rs"]
mod failures;
#[path = "egress/proxy.rs"]
mod proxy;
#[path = "egress/tunnels.rs"]
mod tunnels;
