//! The listener for metrics and health: bound to the configured address, or adopted from a service manager.

use super::error::StartError;
use crate::config::Config;
use crate::config::service_manager::InheritedSocket;
use crate::server::address::Address;
use crate::server::listener::Listener;
use std::io;
use std::net::SocketAddr;

/// The listener for metrics and health, unless metrics are off.
pub(super) async fn admin(
    made: Option<InheritedSocket>,
    config: &Config,
) -> Result<Option<Listener>, StartError> {
    match (made, &config.metrics) {
        (None, None) => Ok(None),
        // No part would accept its connections, so its clients would wait for ever.
        (Some(_), None) => Err(StartError::NoMetrics),
        (Some(socket), Some(_)) => Listener::adopt(socket).map(Some).map_err(StartError::InheritedSocket),
        (None, Some(metrics)) => Listener::bind(&metrics.listen)
            .await
            .map(Some)
            .map_err(|error| StartError::MetricsListen(metrics.listen.clone(), error)),
    }
}

/// The first TCP address of a listener.
///
/// # Errors
/// When the listener is a Unix socket.
pub(super) fn tcp_address(address: &Address) -> io::Result<SocketAddr> {
    let no_port = || io::Error::new(io::ErrorKind::Unsupported, "it is a Unix socket");
    address.tcp().first().copied().ok_or_else(no_port)
}
