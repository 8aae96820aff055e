//! The services of the demo, on loopback in this process: STS, a third party's API, and attache between them.

use super::api;
use super::error::DemoError;
use crate::activity::Limits;
use crate::app::App;
use crate::app::error::StartError;
use crate::cli::fetch;
use crate::cli::verifier::Verifier;
use crate::clock::Clock;
use crate::config::Config;
use crate::credential::sts::{Sts, credentials_source::AwsCredentialsSource};
use crate::emulator::Emulator;
use crate::emulator::options::Options;
use crate::small_server::{self, Bounds, Excess};
use crate::tasks::{Owned, Tasks};
use crate::telemetry::logs;
use crate::telemetry::recent::Recent;
use crate::telemetry::writer::Flush;
use std::future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The audience of the tokens that the demo's API accepts.
pub(super) const AUDIENCE: &str = "https://api.demo.example";

/// The maximum time of an exchange. A proxy that waits for a token needs the most.
pub(super) const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(15);

/// The bounds of the API.
const API_BOUNDS: Bounds = Bounds {
    timeouts: Limits { header_read_timeout: EXCHANGE_TIMEOUT, idle_timeout: EXCHANGE_TIMEOUT },
    max_connections: 64,
    excess: Excess::ClosesOldest,
    half_close: true,
    drain_timeout: Duration::ZERO,
};

/// The URLs of the services.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The emulator's STS.
    pub(super) sts: String,
    /// The third party's API.
    pub(super) api: String,
    /// The proxy.
    pub(super) attache: String,
    /// The proxy's metrics.
    pub(super) metrics: Option<String>,
}

/// The running services.
pub(super) struct Services {
    pub(super) places: Places,
    proxy: Tasks,
    stop: CancellationToken,
    _behind_it: [Owned; 2],
    _log: Flush,
}

impl Services {
    /// Starts all services.
    pub(super) async fn start(listen: SocketAddr) -> Result<Self, DemoError> {
        let emulator = Emulator::bind(Options::default()).await.map_err(DemoError::Emulator)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(DemoError::Api)?;
        let api = listener.local_addr().map_err(DemoError::Api)?;
        let sts = emulator.url();
        let config = config(listen, api, &sts)?;
        let recent = Recent::default();
        let (log, _) = logs::init(&config.log, recent.clone())?;

        let tasks = Tasks::default();
        let bounds = fetch::bounds(EXCHANGE_TIMEOUT);
        let verifier = Arc::new(Verifier::new(emulator.issuer(), AUDIENCE, fetch::client()?, bounds));
        let emulator = tasks.spawn(emulator.run(future::pending()));
        // Generating the issuer's keys may take longer on a slow machine than a call to STS is allowed to take.
        verifier.learn_keys().await?;
        let router = api::router(verifier);
        let accept = async move || small_server::accept(&listener).await;
        let serving = small_server::serve(accept, move |_| router.clone(), API_BOUNDS, future::pending());
        let serving = tasks.spawn(serving);

        let app = bind(config, recent).await?;
        let attache = url(app.proxy_addr().map_err(StartError::Address)?);
        let metrics = app.admin_addr().map_err(StartError::Address)?;
        let places = Places {
            sts,
            api: url(api),
            attache,
            metrics: metrics.map(|address| format!("{}/metrics", url(address))),
        };
        let (proxy, stop) = (Tasks::default(), CancellationToken::new());
        proxy.spawn(app.run(stop.clone().cancelled_owned()));
        Ok(Self { places, proxy, stop, _behind_it: [emulator.into(), serving.into()], _log: log })
    }

    /// Stops the proxy, and waits until it has finished the requests in flight.
    pub(super) async fn drain(&self) {
        self.stop.cancel();
        self.proxy.finished().await;
    }
}

/// The settings of a sidecar. Variables are ignored, so that the demo is the same everywhere.
fn config(listen: SocketAddr, api: SocketAddr, sts: &str) -> Result<Config, DemoError> {
    let (listen, api) = (listen.to_string(), api.to_string());
    let settings = [
        ("--listen-addr", listen.as_str()),
        ("--upstream-host", &api),
        ("--upstream-scheme", "http"),
        ("--token-audience", AUDIENCE),
        ("--sts-endpoint-url", sts),
        ("--metrics-listen-addr", "127.0.0.1:0"),
        ("--log-level", "warn"),
        ("--log-format", "text"),
    ];
    Ok(Config::from_args(settings.into_iter().flat_map(|(flag, value)| [flag, value]))?)
}

async fn bind(config: Config, recent: Recent) -> Result<App, DemoError> {
    // The emulator accepts any keys.
    let access = AwsCredentialsSource::keys("AKIAEMULATOR", "emulator", "us-east-1");
    let (tokens, clock) = (&config.tokens, Clock::system());
    let source = Sts::new(access, tokens.sts_endpoint_url.clone(), tokens.fetch_timeout, clock);
    Ok(App::bind(config, Arc::new(source), clock, recent).await?)
}

/// The URL at which a program on this machine reaches `address`.
fn url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    format!("http://{address}")
}
