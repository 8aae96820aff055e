//! The proxy variables of the environment, which the AWS SDK obeys when it calls STS.

use crate::proxy::target::{Host, HostPort, Scheme};
use std::ffi::OsString;
use std::net::SocketAddr;

/// A variable that sends calls through an HTTP proxy. Its value may hold a password, so only the variable is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyVariable {
    /// The variable's name as it was found.
    pub name: &'static str,
    host: Host,
    port: u16,
}

const NAMES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// Those that are set and readable; what cannot be read is left for the AWS SDK to complain of.
pub(super) fn read(lookup: &dyn Fn(&str) -> Option<OsString>) -> Vec<ProxyVariable> {
    let found = NAMES.iter().filter_map(|name| parse(name, lookup(name)?.to_str()?));
    found.collect()
}

fn parse(name: &'static str, url: &str) -> Option<ProxyVariable> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("https", rest)) => (Scheme::Https, rest),
        Some((_, rest)) => (Scheme::Http, rest),
        None => (Scheme::Http, url),
    };
    let authority = rest.split(['/', '?']).next()?;
    let host_port = authority.rsplit('@').next()?;
    let HostPort { host, port } = host_port.parse().ok()?;
    Some(ProxyVariable { name, host, port: port.unwrap_or(scheme.default_port()) })
}

impl ProxyVariable {
    /// Whether the proxy that it names is the one that listens here, so that a call for a token would need a token.
    pub fn leads_to(&self, listening: SocketAddr) -> bool {
        let here = match &self.host {
            Host::Name(name) => &**name == "localhost" || name.ends_with(".localhost"),
            Host::Address(address) => {
                address.is_loopback() || address.is_unspecified() || *address == listening.ip()
            }
        };
        here && self.port == listening.port()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads_here(url: &str) -> bool {
        let variables = read(&|name| (name == "HTTPS_PROXY").then(|| url.into()));
        variables.iter().any(|variable| variable.leads_to(([192, 0, 2, 7], 8080).into()))
    }

    #[test]
    fn every_way_to_name_this_proxy_is_a_loop() {
        for url in [
            "http://localhost:8080",
            "127.0.0.1:8080",
            "http://u:p@127.1:8080/",
            "http://[::1]:8080",
            "http://192.0.2.7:8080",
        ] {
            assert!(leads_here(url), "{url}");
        }
    }

    #[test]
    fn another_proxy_is_none() {
        for url in
            ["", "http://localhost:3128", "http://proxy.example.com:8080", "http://localhost", "socks5://?"]
        {
            assert!(!leads_here(url), "{url}");
        }
    }

    #[test]
    fn no_password_can_be_shown() {
        let variables = read(&|_| Some("http://user:hunter2@localhost:8080".into()));
        assert_eq!(variables.len(), NAMES.len());
        assert!(!format!("{variables:?}").contains("hunter2"));
    }
}
