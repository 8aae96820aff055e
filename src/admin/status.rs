//! What `/status` says of the running proxy, and where it takes that from. Nothing in it is a secret.

use super::config_status::ConfigStatus;
use super::health::Readiness;
use super::routing_status::{RouteList, RoutingStatus};
use crate::clock::{Clock, Rfc3339};
use crate::config::Config;
use crate::config::effective::Effective;
use crate::credential::cache::CredentialCache;
use crate::credential::error::CredentialError;
use crate::credential::overview::{Overview, SetOverview, State};
use crate::proxy::pool::PoolStats;
use crate::proxy::pools::Pools;
use crate::proxy::route_table::Routes;
use crate::tasks::Tasks;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::recent::{LogEntry, Recent};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::time::SystemTime;

/// The maximum number of audience sets that are examined, so that a cache of a million cannot delay requests.
const MAX_EXAMINED_SETS: usize = 10_000;
/// The maximum number of audience sets, and of upstreams, that are listed. Further ones are only counted.
const MAX_LISTED: usize = 100;

/// Where a status comes from. Each part is asked for what it knows at that moment, one after the other.
pub struct Sources {
    /// Tells the time.
    pub clock: Clock,
    /// When the process began to serve.
    pub started: SystemTime,
    /// The settings.
    pub config: Config,
    /// The addresses that were bound.
    pub listeners: Listeners,
    /// What keeps the proxy from being ready.
    pub readiness: Readiness,
    /// Requests in flight.
    pub metrics: Metrics,
    /// Callers' connections.
    pub connections: Tasks,
    /// The audience sets.
    pub tokens: CredentialCache,
    /// Where requests go.
    pub routes: Routes,
    /// The connections to upstreams.
    pub pools: Pools,
    /// The last warnings and errors.
    pub recent: Recent,
}

/// Where the proxy listens.
#[derive(Clone, Debug, Serialize)]
pub struct Listeners {
    /// For callers.
    pub callers: String,
    /// For metrics, health and this.
    pub metrics: String,
    /// Whether callers speak TLS.
    pub tls: bool,
    /// Whether callers have to show a certificate.
    pub client_certificates: bool,
}

/// Everything that is said. Its fields are described in docs/operations.md.
#[derive(Debug, Serialize)]
pub struct Status {
    now: Rfc3339,
    started: Rfc3339,
    uptime_seconds: u64,
    build: Build,
    ready: bool,
    waiting_for: Vec<Cow<'static, str>>,
    listeners: Listeners,
    configuration: Option<ConfigStatus>,
    routing: RoutingStatus,
    /// Those of a configuration file.
    #[serde(skip_serializing_if = "RouteList::is_of_flags")]
    routes: RouteList,
    traffic: Traffic,
    tokens: TokenStatus,
    upstreams: UpstreamStatus,
    recent: Vec<LogEntry>,
    #[serde(serialize_with = "as_object")]
    settings: Vec<Effective>,
}

#[derive(Debug, Serialize)]
struct Build {
    version: &'static str,
    platform: String,
}

#[derive(Debug, Serialize)]
struct Traffic {
    requests_in_flight: i64,
    connections: usize,
}

#[derive(Debug, Serialize)]
struct TokenStatus {
    held: usize,
    capacity: usize,
    states: BTreeMap<&'static str, usize>,
    sets: Vec<SetStatus>,
}

#[derive(Debug, Serialize)]
struct SetStatus {
    audiences: Vec<String>,
    state: &'static str,
    permanent: bool,
    expires: Option<Rfc3339>,
    refresh_at: Option<Rfc3339>,
    failures: u32,
    error: Option<ErrorStatus>,
    next_try: Option<Rfc3339>,
    uses: u64,
    unused_seconds: u64,
}

#[derive(Debug, Serialize)]
struct ErrorStatus {
    code: &'static str,
    see: &'static str,
    message: String,
    hint: &'static str,
}

#[derive(Debug, Serialize)]
struct UpstreamStatus {
    known: usize,
    targets: Vec<TargetStatus>,
}

#[derive(Debug, Serialize)]
struct TargetStatus {
    target: String,
    unused_http1: usize,
    http2: usize,
}

impl Sources {
    /// What there is to say at this moment. Takes milliseconds where there are thousands of audience sets, so not for a
    /// thread that serves requests.
    pub fn status(&self) -> Status {
        let now = self.clock.now();
        let (waiting_for, routes) = (self.readiness.waiting_for(), self.routes.all());
        let first = routes.first().map_or(self.config.route(), |route| route.config());
        Status {
            now: Rfc3339(now),
            started: Rfc3339(self.started),
            uptime_seconds: now.duration_since(self.started).unwrap_or_default().as_secs(),
            build: Build { version: env!("CARGO_PKG_VERSION"), platform: format!("{ARCH}-{OS}") },
            ready: waiting_for.is_empty(),
            waiting_for,
            listeners: self.listeners.clone(),
            configuration: self.config.file.as_ref().map(ConfigStatus::of),
            routing: RoutingStatus::of(first),
            routes: RouteList::of(&routes),
            traffic: Traffic {
                requests_in_flight: self.metrics.active_requests().unwrap_or_default(),
                connections: self.connections.running(),
            },
            tokens: TokenStatus::of(
                self.tokens.overview(self.clock.timestamp(), MAX_EXAMINED_SETS),
                self.config.tokens.cache_capacity.get(),
            ),
            upstreams: UpstreamStatus::of(self.pools.overview()),
            recent: self.recent.entries(),
            settings: self.config.effective(),
        }
    }
}

impl TokenStatus {
    /// Lists those first that need attention, and of those alike the ones used last.
    fn of(Overview { held, mut sets }: Overview, capacity: usize) -> Self {
        let mut states: BTreeMap<_, _> = State::ALL.map(|state| (state.as_str(), 0)).into();
        for set in &sets {
            *states.entry(set.state.as_str()).or_default() += 1;
        }
        sets.sort_by_key(|set| (set.state, Reverse(set.pinned), set.unused_for));
        sets.truncate(MAX_LISTED);
        Self { held, capacity, states, sets: sets.iter().map(SetStatus::of).collect() }
    }
}

impl SetStatus {
    fn of(set: &SetOverview) -> Self {
        Self {
            audiences: set.spec.audiences().shown().map(Cow::into_owned).collect(),
            state: set.state.as_str(),
            permanent: set.pinned,
            expires: set.expires.map(Rfc3339),
            refresh_at: set.refresh_at.map(Rfc3339),
            failures: set.failures,
            error: set.error.as_deref().map(ErrorStatus::of),
            next_try: set.next_try.map(Rfc3339),
            uses: set.times_used,
            unused_seconds: set.unused_for.as_secs(),
        }
    }
}

impl ErrorStatus {
    fn of(error: &CredentialError) -> Self {
        let diagnostic = error.diagnostic();
        Self {
            code: diagnostic.code(),
            see: diagnostic.see(),
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

impl UpstreamStatus {
    /// Lists those first that have the most connections.
    fn of(mut kept: Vec<PoolStats>) -> Self {
        let known = kept.len();
        kept.sort_by_cached_key(|kept| (Reverse(kept.http1 + kept.http2), kept.target.to_string()));
        kept.truncate(MAX_LISTED);
        let targets = kept.into_iter().map(|PoolStats { target, http1, http2 }| TargetStatus {
            target: target.to_string(),
            unused_http1: http1,
            http2,
        });
        Self { known, targets: targets.collect() }
    }
}

fn as_object<S: Serializer>(settings: &[Effective], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(settings.iter().map(|(flag, value)| (flag, value)))
}
