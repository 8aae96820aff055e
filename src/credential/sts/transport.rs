//! How calls to AWS reach it: which authorities are trusted, and where an HTTP proxy is on the way.

use super::answer_size::Bounded;
use crate::credential::setup_error::SetupError;
use crate::input_file;
use crate::tls::authorities;
use crate::tls::pem;
use aws_sdk_sts::config::http::HttpRequest;
use aws_sdk_sts::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use std::net::IpAddr;
use std::path::Path;

/// Whether the environment's proxy variables count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProxyUse {
    /// They do, except for what is on this machine.
    ByEnvironment,
    /// They do not.
    Direct,
}

/// Which authorities are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trusted<'p> {
    /// The system's authorities, which the SDK reads by itself.
    System,
    /// The system's, and those that variables add.
    SystemAndMore,
    /// Those of this file alone, as AWS's tools take `AWS_CA_BUNDLE`.
    Bundle(&'p Path),
}

/// A client for calls to AWS.
///
/// # Errors
/// When a file cannot be used.
pub(super) fn client(proxy: ProxyUse, trusted: Trusted<'_>) -> Result<SharedHttpClient, SetupError> {
    let tls = tls(trusted)?;
    let direct = through(ProxyConfig::disabled(), tls.clone());
    let client = match proxy {
        ProxyUse::Direct => direct,
        ProxyUse::ByEnvironment => {
            SharedHttpClient::new(ByHost { direct, proxied: through(ProxyConfig::from_env(), tls) })
        }
    };
    Ok(SharedHttpClient::new(Bounded(client)))
}

fn tls(trusted: Trusted<'_>) -> Result<TlsContext, SetupError> {
    let store = |certificates: &[_]| TrustStore::empty().with_pem_certificate(pem::text(certificates));
    let trusted = match trusted {
        Trusted::System => TrustStore::default(),
        // What cannot be read of it is told where upstreams' trust is set up.
        Trusted::SystemAndMore => store(&authorities::of_system().certificates),
        Trusted::Bundle(path) => {
            let unusable = |problem: String| SetupError::CaBundle { path: path.to_owned(), problem };
            let pem = input_file::read(path).map_err(|error| unusable(error.to_string()))?;
            let certificates = pem::authorities(path, &pem).map_err(unusable)?;
            store(&certificates)
        }
    };
    Ok(TlsContext::builder().with_trust_store(trusted).build().expect("roots alone make no wrong context"))
}

fn through(proxies: ProxyConfig, tls: TlsContext) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = ConnectorBuilder::default()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(tls.clone())
            .proxy_config(proxies.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build()
    })
}

/// Calls to this machine go straight there, as programs in Go do it: no proxy elsewhere could reach what they mean, which
/// is an emulator, or a helper that hands out credentials.
#[derive(Clone, Debug)]
struct ByHost<T> {
    direct: T,
    proxied: T,
}

impl HttpClient for ByHost<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(ByHost {
            direct: self.direct.http_connector(settings, components),
            proxied: self.proxied.http_connector(settings, components),
        })
    }
}

impl HttpConnector for ByHost<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if is_here(request.uri()) { self.direct.call(request) } else { self.proxied.call(request) }
    }
}

/// Whether a URL names this machine.
fn is_here(url: &str) -> bool {
    let Ok(url) = url.parse::<http::Uri>() else { return false };
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.');
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_here_in_every_spelling() {
        for url in [
            "http://127.0.0.1:4577/",
            "http://localhost",
            "https://LOCALHOST./",
            "http://[::1]:1/x",
            "http://127.9.9.9",
        ] {
            assert!(is_here(url), "{url}");
        }
        for url in
            ["https://sts.eu-central-1.amazonaws.com/", "http://169.254.169.254/", "http://localhost.example"]
        {
            assert!(!is_here(url), "{url}");
        }
    }
}
