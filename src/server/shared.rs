//! What all connections of callers to one listener share.

use super::refused_certificates::RefusedCertificates;
use crate::activity::Limits;
use crate::proxy::Proxy;
use crate::proxy::listener_info::ListenerInfo;
use crate::tasks::Tasks;
use crate::tls::server::InboundTls;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// What all connections of callers to one listener share.
pub struct Server {
    /// The listener as its requests see it.
    pub listener_info: ListenerInfo,
    /// The proxy, which responds to requests.
    pub proxy: Arc<Proxy>,
    /// Callers' TLS; `None` for plain HTTP.
    pub tls: Option<Arc<InboundTls>>,
    /// The timeouts of callers.
    pub limits: Limits,
    /// The maximum number of connections at a time, to all listeners together.
    pub max_connections: Option<NonZeroUsize>,
    /// The tasks of connections, one for each connection to any listener.
    pub connections: Tasks,
    /// Logs refused certificates.
    pub refused_certificates: RefusedCertificates,
}
