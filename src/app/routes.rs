//! Makes routes of their configuration. What does not change stays: connections, the credential with its state, TLS with
//! upstreams.

use super::load_error::LoadError;
use crate::config::route::RouteConfig;
use crate::config::upstream::UpstreamTlsFiles;
use crate::credential::cache::CredentialCache;
use crate::dial::dialer::Dialer;
use crate::dial::resolver::Resolver;
use crate::model::target::Scheme;
use crate::proxy::connector::Connector;
use crate::proxy::error_log::ErrorLog;
use crate::proxy::loops::OwnListeners;
use crate::proxy::pools::Pools;
use crate::proxy::route::Route;
use crate::proxy::upstream::Upstream;
use crate::tasks::{BlockingWork, Owned, Tasks};
use crate::tls::client::UpstreamTls;
use crate::tls::reload::Reload;
use crate::tls::watched;
use std::sync::Arc;
use std::time::Duration;

/// How long the TLS files of one listener or route may take to be read, where the wait for them blocks no thread.
pub(super) const READ_WITHIN: Duration = Duration::from_secs(60);

/// What all routes share.
pub(super) struct RouteFactory {
    pub(super) credentials: CredentialCache,
    pub(super) own: OwnListeners,
    pub(super) dialer: Dialer,
    pub(super) resolver: Resolver,
    pub(super) pools: Pools,
    pub(super) error_log: ErrorLog,
    /// The tasks of connections to upstreams.
    pub(super) tasks: Tasks,
    /// Has TLS files looked at.
    pub(super) reload: Reload,
    pub(super) blocking: BlockingWork,
}

/// TLS with the upstreams of the routes that name the same files, which are followed as long as this lives.
pub(super) struct Trust {
    scheme: Scheme,
    files: UpstreamTlsFiles,
    tls: Arc<UpstreamTls>,
    _following: Owned,
}

impl Trust {
    fn is_for(&self, route: &RouteConfig) -> bool {
        self.scheme == route.routing.scheme() && self.files == route.upstream.tls
    }
}

impl RouteFactory {
    /// TLS for all these routes: what is there already, and what has to be loaded.
    pub(super) async fn trust(
        &self,
        before: &[Arc<Trust>],
        routes: &[RouteConfig],
    ) -> Result<Vec<Arc<Trust>>, LoadError> {
        let mut all: Vec<Arc<Trust>> = Vec::new();
        for route in routes {
            if all.iter().any(|trust| trust.is_for(route)) {
                continue;
            }
            let known = before.iter().find(|trust| trust.is_for(route)).cloned();
            all.push(match known {
                Some(known) => known,
                None => Arc::new(self.load(route).await?),
            });
        }
        Ok(all)
    }

    async fn load(&self, route: &RouteConfig) -> Result<Trust, LoadError> {
        let (scheme, files) = (route.routing.scheme(), route.upstream.tls.clone());
        let of_route = files.clone();
        let loading = async move { UpstreamTls::load(scheme, of_route) };
        let loaded = self.blocking.run(READ_WITHIN, loading).await;
        let tls = Arc::new(loaded.map_err(|error| LoadError::Trust(route.name.clone(), error))?);
        let (followed, reload) = (tls.clone(), self.reload.clone());
        let following =
            Tasks::default().supervise(move || followed.clone().follow(watched::INTERVAL, reload.clone()));
        Ok(Trust { scheme, files, tls, _following: following.into() })
    }

    /// Fetches the credentials that these routes are known to need, and keeps them fresh, and no others.
    pub(super) fn pin(&self, routes: &[RouteConfig]) {
        self.credentials.set_pinned(&routes.iter().filter_map(RouteConfig::known_credential).collect());
    }

    /// The routes of this configuration. Those of before that are configured alike stay; the credentials that are known, and no
    /// others, are kept fresh from now on.
    pub(super) fn routes(
        &self,
        before: &[Arc<Route>],
        trust: &[Arc<Trust>],
        routes: Vec<RouteConfig>,
    ) -> Vec<Arc<Route>> {
        self.pin(&routes);
        let made = routes.into_iter().map(|config| {
            let same = before.iter().find(|route| *route.config() == config);
            same.cloned().unwrap_or_else(|| Arc::new(self.route(trust, config)))
        });
        made.collect()
    }

    fn route(&self, trust: &[Arc<Trust>], config: RouteConfig) -> Route {
        let trust = trust.iter().find(|trust| trust.is_for(&config));
        let tls = trust.expect("TLS was loaded for each route").tls.clone();
        let connector = Connector::configured(&config, self.own.clone(), tls, self.tasks.clone());
        let connector =
            Connector { dialer: self.dialer.clone(), resolver: self.resolver.clone(), ..connector };
        let upstream = Upstream::new(connector, &self.pools, &config.upstream, self.error_log.clone());
        let default_credential = config.known_credential().map(|spec| self.credentials.get_or_insert(&spec));
        Route::new(config, upstream, default_credential)
    }
}
