//! Where the credentials of a run come from.

use crate::clock::Clock;
use crate::config::Config;
use crate::config::upstream::UpstreamTlsFiles;
use crate::credential::CredentialSource;
use crate::credential::exchange::ExchangeSource;
use crate::http_client::HttpClient;
use crate::model::target::Scheme;
use crate::telemetry::metrics::Metrics;
use crate::tls::client::{Alpn, UpstreamTls};
use std::sync::Arc;

/// The source of each credential: these tokens, exchanged where the credential says so. Token endpoints are verified with the
/// authorities of the system and reached through the HTTP proxy of upstreams with https.
pub fn exchanging(
    tokens: Arc<dyn CredentialSource>,
    config: &Config,
    clock: Clock,
    metrics: &Metrics,
) -> Arc<dyn CredentialSource> {
    let parent_proxy = match &config.file {
        Some(file) => file.parent_proxies.https.clone(),
        None => config.route().upstream.parent_proxy.clone(),
    };
    let make_client = move || {
        // Without any authorities, http on this machine still works.
        let tls = UpstreamTls::load(Scheme::Http, UpstreamTlsFiles::default());
        let tls = tls.map_err(|error| error.to_string())?;
        Ok(HttpClient::new(Some(tls.connector(Alpn::Http1)), parent_proxy.clone()))
    };
    Arc::new(ExchangeSource::new(tokens, Box::new(make_client), clock, metrics.clone()))
}
