//! A new connection to an upstream: name look-up, judgement of every address, connection, TLS, protocol.
//!
//! The address judged is the address dialled, so a name that changes its answer in between gains nothing. Where an HTTP
//! proxy stands between, that proxy looks names up, and nothing here can judge what it finds.

use super::connection::{Connection, Http1};
use super::error::UpstreamError;
use super::http2::{self, DEDICATED_WINDOW, SHARED_WINDOW};
use super::loops::OwnListeners;
use crate::config::route::RouteConfig;
use crate::config::upstream::UpstreamProtocol;
use crate::dial::connect_time::ConnectTime;
use crate::dial::dialer::{Dialer, Socket};
use crate::dial::resolver::{Resolver, searched};
use crate::dial::tunnel;
use crate::dial::tunnel_error::TunnelError;
use crate::http1::stream::Stream;
use crate::model::parent_proxy::ParentProxy;
use crate::model::policy::Policy;
use crate::model::target::{Host, Scheme, Target};
use crate::tasks::Tasks;
use crate::tls::client::{Alpn, UpstreamTls};
use crate::tls::error as tls_error;
use rustls::AlertDescription;
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Opens connections to upstreams, each driven by a task of one group.
pub struct Connector {
    /// Applied to addresses; `None` where the operator chose the upstream.
    pub policy: Option<Policy>,
    /// What knows where names lead.
    pub resolver: Resolver,
    /// What opens sockets, and bounds their number.
    pub dialer: Dialer,
    /// What is connected to for the only upstream there is, where it is not that upstream itself.
    pub connect_to: Option<Target>,
    /// What is never dialled.
    pub own: OwnListeners,
    /// The HTTP proxy on the way to upstreams, where there is one.
    pub parent_proxy: Option<ParentProxy>,
    /// What upstreams are spoken to in.
    pub protocol: UpstreamProtocol,
    /// TLS towards upstreams.
    pub tls: Arc<UpstreamTls>,
    /// The bound on name look-up, connection and handshake together.
    pub connect_timeout: Duration,
    /// The tasks that drive the connections.
    pub tasks: Tasks,
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Any request.
    Any,
    /// A request that may switch protocols, so the connection will not come back.
    Switch,
    /// One request that may end its connection, or whose like may have.
    Dedicated,
}

impl Connector {
    /// The way to the upstreams of this route, from a process with these listeners.
    pub fn configured(route: &RouteConfig, own: OwnListeners, tls: Arc<UpstreamTls>, tasks: Tasks) -> Self {
        let upstream = &route.upstream;
        Self {
            policy: route.enforced_policy().cloned(),
            resolver: Resolver::default(),
            dialer: Dialer::at_most(None),
            connect_to: upstream.connect_to.clone(),
            own,
            parent_proxy: upstream.parent_proxy.clone(),
            protocol: upstream.protocol,
            tls,
            connect_timeout: upstream.connect_timeout,
            tasks,
        }
    }

    /// Resolves the target and judges its addresses without connecting.
    ///
    /// # Errors
    /// When the name does not resolve, or all its addresses are refused.
    pub async fn check(&self, target: &Target) -> Result<(), UpstreamError> {
        match self.parent_proxy(target) {
            Some(_) => Ok(()),
            None => self.bounded(target, self.addresses(target)).await.map(|_| ()),
        }
    }

    /// Whether a request with this wish to switch needs a connection of its own, which speaks HTTP/1.1 because `Upgrade`
    /// means nothing in HTTP/2 (RFC 9113, section 8.2.2). Where the operator wants HTTP/2 alone, the wish goes unheard.
    pub fn opens_alone(&self, switch: bool) -> bool {
        match self.protocol {
            UpstreamProtocol::Auto | UpstreamProtocol::Http1 => switch,
            UpstreamProtocol::Http2 => false,
        }
    }

    /// Whether a new connection to this target may carry many requests.
    pub fn may_speak_http2(&self, target: &Target) -> bool {
        match (self.protocol, target.scheme()) {
            (UpstreamProtocol::Http2, _) | (UpstreamProtocol::Auto, Scheme::Https) => true,
            (UpstreamProtocol::Http1, _) | (UpstreamProtocol::Auto, Scheme::Http) => false,
        }
    }

    /// A new connection for this purpose, ready for a request. The caller sets a bound with [`Connector::bounded`].
    ///
    /// # Errors
    /// When no allowed address accepts a connection, a proxy on the way opens no tunnel, the TLS handshake fails, or the
    /// upstream does not speak what it must.
    pub async fn connect(&self, target: &Target, purpose: Purpose) -> Result<Connection, UpstreamError> {
        let alpn = match (self.protocol, purpose) {
            (UpstreamProtocol::Auto, Purpose::Any | Purpose::Dedicated) => Alpn::Either,
            (UpstreamProtocol::Auto, Purpose::Switch) | (UpstreamProtocol::Http1, _) => Alpn::Http1,
            (UpstreamProtocol::Http2, _) => Alpn::Http2,
        };
        let window = match purpose {
            Purpose::Any => SHARED_WINDOW,
            Purpose::Switch | Purpose::Dedicated => DEDICATED_WINDOW,
        };
        match self.parent_proxy(target) {
            None => {
                let addresses = self.addresses(target).await?;
                let stream = self.dialer.dial(addresses).await.map_err(UpstreamError::Connect)?;
                self.speak(alpn, window, target, Box::new(stream)).await
            }
            Some(parent_proxy) => {
                let failed = |error| UpstreamError::ParentProxy(named(parent_proxy), error);
                let stream = self.reach(parent_proxy).await.map_err(failed)?;
                let tunnel =
                    tunnel::open(parent_proxy, stream, self.dialled(target)).await.map_err(failed)?;
                match self.speak(alpn, window, target, Box::new(tunnel)).await {
                    Err(UpstreamError::Tls(error)) if !tls_error::is_of_tls(&error) => {
                        Err(failed(TunnelError::Tunnel(error)))
                    }
                    outcome => outcome,
                }
            }
        }
    }

    /// The same within `--upstream-connect-timeout`. Boxed, because few requests open a connection, and each would make
    /// room for all that one takes.
    ///
    /// # Errors
    /// Those of the work, and when it takes too long.
    pub fn bounded<T>(
        &self,
        target: &Target,
        work: impl Future<Output = Result<T, UpstreamError>>,
    ) -> impl Future<Output = Result<T, UpstreamError>> {
        let (limit, work) = (self.connect_timeout, Box::pin(work));
        async move {
            let begin = Instant::now();
            timeout(limit, work).await.unwrap_or_else(|_| Err(self.too_late(target, begin)))
        }
    }

    /// Why there was no connection within the time that began then.
    fn too_late(&self, target: &Target, begin: Instant) -> UpstreamError {
        let limit = self.connect_timeout;
        let time = |place| Some(ConnectTime { limit, lookup: self.lookup_time(place, begin)? });
        match self.parent_proxy(target) {
            None => {
                let time = time(place(self.dialled(target)));
                time.map_or(UpstreamError::DnsTimeout(limit), UpstreamError::ConnectTimeout)
            }
            Some(parent_proxy) => {
                let time = time(parent_proxy.place());
                let error = time.map_or(TunnelError::DnsTimeout(limit), TunnelError::Timeout);
                UpstreamError::ParentProxy(named(parent_proxy), error)
            }
        }
    }

    /// How long after `begin` the addresses were known; `None` if they are unknown.
    fn lookup_time(&self, (host, _, absolute): (&Host, u16, bool), begin: Instant) -> Option<Duration> {
        match host {
            Host::Address(_) => Some(Duration::ZERO),
            Host::Name(name) => self.resolver.time_to_answer(&searched(name, absolute), begin),
        }
    }

    /// What is looked up and connected to for a target. All else about a connection is the target's own.
    fn dialled<'t>(&'t self, target: &'t Target) -> &'t Target {
        self.connect_to.as_ref().unwrap_or(target)
    }

    fn parent_proxy(&self, target: &Target) -> Option<&ParentProxy> {
        self.parent_proxy.as_ref().filter(|parent_proxy| parent_proxy.carries(self.dialled(target)))
    }

    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, UpstreamError> {
        let mut addresses =
            self.resolver.addresses(place(self.dialled(target))).await.map_err(UpstreamError::Dns)?;
        if let Some(policy) = &self.policy {
            addresses.retain(|address| policy.check_address(address.ip()).is_ok());
        }
        if addresses.is_empty() {
            return Err(UpstreamError::AddressDenied);
        }
        addresses.retain(|address| !self.own.hear(*address));
        if addresses.is_empty() { Err(UpstreamError::Loop) } else { Ok(addresses) }
    }

    /// A connection to the proxy itself. The operator chose it, so no rule on addresses applies.
    async fn reach(&self, parent_proxy: &ParentProxy) -> Result<Socket, TunnelError> {
        let mut addresses = self.resolver.addresses(parent_proxy.place()).await.map_err(TunnelError::Dns)?;
        addresses.retain(|address| !self.own.hear(*address));
        if addresses.is_empty() {
            return Err(TunnelError::Loop);
        }
        self.dialer.dial(addresses).await.map_err(TunnelError::Connect)
    }

    async fn speak(
        &self,
        alpn: Alpn,
        window: u32,
        target: &Target,
        stream: Box<dyn Stream>,
    ) -> Result<Connection, UpstreamError> {
        match (target.scheme(), alpn) {
            // HTTP/2 without TLS needs prior knowledge (RFC 9113, section 3.3).
            (Scheme::Http, Alpn::Http2) => http2::handshake(stream, &self.tasks, window).await,
            (Scheme::Http, Alpn::Either | Alpn::Http1) => Ok(Connection::Http1(Http1::new(stream))),
            (Scheme::Https, _) => self.speak_over_tls(alpn, window, target, stream).await,
        }
    }

    async fn speak_over_tls(
        &self,
        alpn: Alpn,
        window: u32,
        target: &Target,
        stream: Box<dyn Stream>,
    ) -> Result<Connection, UpstreamError> {
        let name = match target.host() {
            Host::Name(name) => ServerName::try_from(name.to_string())
                .map_err(|error| UpstreamError::Tls(io::Error::other(error)))?,
            Host::Address(address) => ServerName::from(*address),
        };
        let stream = self.tls.connector(alpn).connect(name, stream).await.map_err(|error| {
            if refuses_protocols(&error) { UpstreamError::NoHttp2 } else { UpstreamError::Tls(error) }
        })?;
        let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = Box::new(stream);
        match (speaks_http2, alpn) {
            (true, _) => http2::handshake(stream, &self.tasks, window).await,
            (false, Alpn::Http2) => Err(UpstreamError::NoHttp2),
            (false, Alpn::Either | Alpn::Http1) => Ok(Connection::Http1(Http1::new(stream))),
        }
    }
}

/// Host and port of a target, and whether the name is looked up without search domains.
fn place(target: &Target) -> (&Host, u16, bool) {
    (target.host(), target.port(), target.is_absolute())
}

/// A proxy with the variable that names it.
fn named(parent_proxy: &ParentProxy) -> String {
    format!("{parent_proxy} of {}", parent_proxy.variable)
}

/// Whether a handshake failed because the upstream takes none of the protocols on offer (RFC 7301, section 3.2), which happens to HTTP/2
/// alone: an upstream that knows no ALPN speaks HTTP/1.1.
fn refuses_protocols(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(cause, Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)))
}
