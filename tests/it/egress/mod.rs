//! Upstreams behind an HTTP proxy, as `HTTPS_PROXY` and its kin name one.

mod failures;
pub(crate) mod proxy;
mod tunnels;
