//! What the file says, key by key, each with its place. A key that is absent or invalid is `None`.

use super::exchange::ExchangeTable;
use super::source::{Located, Place};
use crate::config::listener::ListenAddr;
use crate::config::upstream::{ForwardedFor, UpstreamProtocol};
use crate::model::policy::HostPattern;
use crate::model::route_match::{HostMatch, PathPrefix};
use crate::model::routing_header::RoutingHeader;
use crate::model::target::{HostPort, Scheme, Target};
use crate::model::token_request::SigningAlgorithm;
use ipnet::IpNet;
use std::path::PathBuf;
use std::time::Duration;

/// A key's value, if it is there and valid.
pub(super) type Entry<T> = Option<Located<T>>;

/// The whole file.
#[derive(Default)]
pub(super) struct Document {
    pub(super) defaults: Defaults,
    pub(super) credentials: Vec<CredentialTable>,
    pub(super) listeners: Vec<ListenerTable>,
    pub(super) routes: Vec<RouteTable>,
}

/// `[defaults]`.
#[derive(Default)]
pub(super) struct Defaults {
    pub(super) upstream: UpstreamKeys,
    pub(super) token: TokenKeys,
}

/// The name of a table, and where it stands.
pub(super) struct Name {
    pub(super) text: String,
    /// The name as messages have it: not one that is no name, because it may be a secret.
    pub(super) shown: Option<String>,
    pub(super) at: Place,
}

impl Name {
    /// The name for a message.
    pub(super) fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or("...")
    }
}

pub(super) struct CredentialTable {
    pub(super) name: Name,
    pub(super) audiences: Entry<Vec<Located<String>>>,
    pub(super) token: TokenKeys,
    pub(super) exchange: Entry<ExchangeTable>,
}

impl CredentialTable {
    /// Fills in what an exchange says of the token, where the keys do not. A token for an exchange lives for minutes, and its result may live
    /// for hours, so half of the token's life is the longest skew.
    pub(super) fn take_from_exchange(&mut self) {
        let Some(Located { value: exchange, at }) = &self.exchange else { return };
        let here = |value| Located { value, at: at.clone() };
        let token = &exchange.expanded.token;
        if let (None, Some(audience)) = (&self.audiences, &token.audience) {
            let audience = Located { value: audience.clone(), at: at.clone() };
            self.audiences = Some(Located { value: vec![audience], at: at.clone() });
        }
        self.token.algorithm.get_or_insert(Located { value: token.algorithm, at: at.clone() });
        let duration = self.token.duration.get_or_insert(here(token.lifetime)).value;
        self.token.refresh_skew.get_or_insert(here(MAX_SKEW.min(duration / 2)));
    }
}

/// How long before its end the result of an exchange is renewed, where no key says it.
const MAX_SKEW: Duration = Duration::from_secs(300);

pub(super) struct ListenerTable {
    pub(super) name: Name,
    pub(super) address: Entry<ListenAddr>,
    pub(super) tls_cert: Entry<PathBuf>,
    pub(super) tls_key: Entry<PathBuf>,
    pub(super) tls_client_ca: Entry<PathBuf>,
}

pub(super) struct RouteTable {
    pub(super) name: Name,
    /// The name of a listener. `None` where the route takes the requests of each; see `has_listener`.
    pub(super) listener: Entry<String>,
    pub(super) host: Entry<HostMatch>,
    pub(super) path_prefix: Entry<PathPrefix>,
    pub(super) strip_prefix: Entry<bool>,
    pub(super) upstream: Entry<Target>,
    pub(super) connect_to: Entry<HostPort>,
    pub(super) host_header: Entry<RoutingHeader>,
    pub(super) scheme: Entry<Scheme>,
    pub(super) allow_hosts: Entry<Vec<Located<HostPattern>>>,
    pub(super) allow_addresses: Entry<Vec<Located<IpNet>>>,
    pub(super) deny_addresses: Entry<Vec<Located<IpNet>>>,
    /// The name of a credential.
    pub(super) credential: Entry<String>,
    pub(super) settings: UpstreamKeys,
    /// Whether what the route takes is known: no key of it is invalid.
    pub(super) is_matched: bool,
}

/// The keys for all upstreams of a route.
#[derive(Clone, Default)]
pub(super) struct UpstreamKeys {
    pub(super) timeout: Entry<Duration>,
    pub(super) connect_timeout: Entry<Duration>,
    pub(super) idle_timeout: Entry<Duration>,
    pub(super) protocol: Entry<UpstreamProtocol>,
    pub(super) ca_cert: Entry<PathBuf>,
    pub(super) client_cert: Entry<PathBuf>,
    pub(super) client_key: Entry<PathBuf>,
    pub(super) forwarded_for: Entry<ForwardedFor>,
}

/// The keys for a token, without its audiences.
#[derive(Clone, Default)]
pub(super) struct TokenKeys {
    pub(super) algorithm: Entry<SigningAlgorithm>,
    pub(super) duration: Entry<Duration>,
    pub(super) refresh_skew: Entry<Duration>,
    pub(super) tags: Entry<Vec<Located<(String, String)>>>,
}
