//! Several listeners and routes: a proxy of this process, for configurations that flags cannot make.

use crate::support::client::{get, send};
use crate::support::upstream::{Upstream, text};
use crate::support::{Sts, spawn};
use attache::app::App;
use attache::app::live::Live;
use attache::clock::Clock;
use attache::config::Config;
use attache::config::listener::{ListenAddr, ListenerConfig};
use attache::config::route::RouteConfig;
use attache::credential::sts::Sts as StsSource;
use attache::credential::sts::credentials_source::AwsCredentialsSource;
use attache::model::route_match::RouteMatch;
use attache::tasks::Owned;
use attache::telemetry::recent::Recent;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Others in the place of those before.
mod reload;
/// Which route a request has.
mod selection;

/// A proxy of this process. Dropping it ends it.
struct Running {
    live: Live,
    admin: SocketAddr,
    sts: Sts,
    _stop: oneshot::Sender<()>,
    _task: Owned,
}

impl Running {
    async fn start(routes: Vec<RouteConfig>, listeners: Vec<ListenerConfig>) -> Self {
        let sts = Sts::start().await;
        let mut config = flags(&["--sts-endpoint-url", &sts.url, "--metrics-listen-addr", "127.0.0.1:0"]);
        (config.routes, config.listeners) = (routes, listeners);
        let access = AwsCredentialsSource::keys("AKIATEST", "test", "eu-central-1");
        let (tokens, clock) = (&config.tokens, Clock::system());
        let source = StsSource::new(access, tokens.sts_endpoint_url.clone(), tokens.fetch_timeout, clock);
        let app = App::bind(config, Arc::new(source), clock, Recent::default()).await.unwrap();
        let (live, admin) = (app.live(), app.admin_addr().unwrap().unwrap());
        let (stop, stopped) = oneshot::channel();
        let task = spawn(app.run(async {
            let _: Result<(), _> = stopped.await;
        }));
        Self { live, admin, sts, _stop: stop, _task: task }
    }

    async fn status(&self) -> Value {
        serde_json::from_slice(&send(self.admin, get("/status", &[])).await.body).unwrap()
    }

    async fn address(&self, name: &str) -> SocketAddr {
        let listeners = self.live.listeners().await;
        listeners.iter().find(|(config, _)| config.name == name).unwrap().1.tcp()[0]
    }
}

fn flags(flags: &[&str]) -> Config {
    Config::from_args(flags.iter().copied()).unwrap()
}

/// A route to this upstream, for all requests, with a credential of its own name.
fn route(name: &str, upstream: &Upstream) -> RouteConfig {
    let host = upstream.authority();
    let set = ["--upstream-host", &host, "--upstream-scheme", upstream.scheme, "--token-audience", name];
    RouteConfig { name: name.to_owned(), ..flags(&set).route().clone() }
}

fn below(prefix: &str, strip_prefix: bool) -> RouteMatch {
    RouteMatch { path_prefix: Some(prefix.parse().unwrap()), strip_prefix, ..RouteMatch::default() }
}

fn listener(name: &str) -> ListenerConfig {
    let listen = ListenAddr::One("127.0.0.1".to_owned(), 0);
    ListenerConfig { name: name.to_owned(), listen, tls: None }
}

fn of_listener(name: &str) -> RouteMatch {
    RouteMatch { listener: Some(name.to_owned()), ..RouteMatch::default() }
}

fn of_host(host: &str) -> RouteMatch {
    RouteMatch { host: Some(host.parse().unwrap()), ..RouteMatch::default() }
}

/// An upstream that answers with its name.
async fn named(name: &'static str) -> Upstream {
    Upstream::scripted(move |_| async move { text(name) }).await
}
