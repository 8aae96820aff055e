//! The peer of a connection, known once for all requests on it.

use http::HeaderValue;
use std::net::IpAddr;

/// The caller of all requests on one connection. Cloning is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    forwarded_for: Option<HeaderValue>,
}

impl Caller {
    /// The caller at this address; `None` on a Unix socket. IPv4 callers of an IPv6 socket appear as IPv4.
    pub fn new(address: Option<IpAddr>) -> Self {
        let shown = |address: IpAddr| HeaderValue::try_from(address.to_canonical().to_string());
        Self { forwarded_for: address.map(|address| shown(address).expect("an address is visible ASCII")) }
    }

    /// The address as `X-Forwarded-For` shows it, where the caller has one.
    pub fn forwarded_for(&self) -> Option<&HeaderValue> {
        self.forwarded_for.as_ref()
    }
}
