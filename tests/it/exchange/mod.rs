//! Exchanged credentials over real sockets: a proxy, the emulator's relying parties, and the API behind each.

use crate::support::{Sts, client, program::WAIT_LIMIT, spawn};
use attache::app::App;
use attache::clock::Clock;
use attache::config::Config;
use attache::config::exchange::expand;
use attache::config::exchange::expanded::Expanded;
use attache::config::exchange::keys::{KeyValue, Keys};
use attache::config::route::CredentialRule;
use attache::credential::sts::{Sts as StsSource, credentials_source::AwsCredentialsSource};
use attache::emulator::faults::PartyFaults;
use attache::emulator::party::Party;
use attache::model::audience_set::AudienceSet;
use attache::model::credential_spec::CredentialSpec;
use attache::model::token_request::TokenRequest;
use attache::tasks::Owned;
use attache::telemetry::recent::Recent;
use client::Answer;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

mod failures;
mod file;
mod presets;

/// A proxy whose callers reach the emulator's parties with an exchanged credential.
struct Exchanging {
    sts: Sts,
    proxy: SocketAddr,
    admin: SocketAddr,
    _task: Owned,
}

impl Exchanging {
    /// With this preset and its keys, where `{party}` stands for the URL of the party, and an audience where it has none of its own.
    async fn start(keys: &[(&str, &str)], audience: Option<&str>) -> Self {
        Self::with(Sts::start().await, keys, audience).await
    }

    async fn with(sts: Sts, keys: &[(&str, &str)], audience: Option<&str>) -> Self {
        let preset = keys.iter().find(|(key, _)| *key == "preset").unwrap().1;
        let party = format!("{}/parties/{preset}", sts.url);
        let filled = |(key, value): &(&str, &str)| {
            ((*key).to_owned(), KeyValue::Text(value.replace("{party}", &party)))
        };
        Self::of(sts, &keys.iter().map(filled).collect(), audience).await
    }

    async fn of(sts: Sts, keys: &Keys, audience: Option<&str>) -> Self {
        let Expanded { exchange, token } = expand("of-test", keys).unwrap();
        let audience = audience.map(str::to_owned).or(token.audience).unwrap();
        let request = TokenRequest {
            audiences: AudienceSet::new([audience]).unwrap(),
            algorithm: token.algorithm,
            lifetime: token.lifetime,
            tags: Vec::new(),
        };
        let upstream = sts.url.strip_prefix("http://").unwrap().to_owned();
        let flags = [
            ["--listen-addr", "127.0.0.1:0"],
            ["--metrics-listen-addr", "127.0.0.1:0"],
            ["--upstream-scheme", "http"],
            ["--upstream-host", &upstream],
        ];
        let mut config = Config::from_args(flags.concat()).unwrap();
        let spec = CredentialSpec::exchanged(request, Duration::from_secs(30), exchange);
        config.routes[0].credential = CredentialRule::Fixed(spec);
        let access = AwsCredentialsSource::keys("AKIATEST", "test", "us-east-1");
        let clock = Clock::system();
        let source = StsSource::new(access, Some(sts.url.clone()), config.tokens.fetch_timeout, clock);
        let app = App::bind(config, Arc::new(source), clock, Recent::default()).await.unwrap();
        let (proxy, admin) = (app.proxy_addr().unwrap(), app.admin_addr().unwrap().unwrap());
        Self { sts, proxy, admin, _task: spawn(app.run(std::future::pending())) }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        client::send(self.proxy, client::get(path, headers)).await
    }

    async fn metrics(&self) -> String {
        client::send(self.admin, client::get("/metrics", &[])).await.text().to_owned()
    }

    /// The value of the only series that begins so and has these labels, as soon as there is one.
    async fn counted(&self, name: &str, labels: &[&str]) -> f64 {
        let found = async {
            loop {
                let scrape = self.metrics().await;
                let is_meant =
                    |line: &&str| line.starts_with(name) && labels.iter().all(|label| line.contains(label));
                if let Some(line) = scrape.lines().find(is_meant) {
                    return line.rsplit(' ').next().unwrap().parse().unwrap();
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(WAIT_LIMIT, found).await.unwrap_or_else(|_| panic!("{name} {labels:?} is not counted"))
    }
}

fn set_fault(sts: &Sts, party: Party, faults: PartyFaults) {
    sts.handle.update_faults(|all| {
        all.parties.insert(party, faults);
    });
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}
