//! The variables that name HTTP proxies. The AWS SDK uses them for calls to STS, and attache for requests to upstreams.

use crate::model::no_proxy::NoProxy;
use crate::model::target::{Host, HostPort, Scheme};
use std::ffi::OsString;
use std::net::SocketAddr;

/// A variable that names an HTTP proxy. Its value may contain a password, so only the name is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyVariable {
    /// The variable's name as it is set.
    pub name: &'static str,
    host: Host,
    port: u16,
}

const NAMES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The variables that are set and valid. The AWS SDK reports invalid ones.
pub(super) fn read(lookup: &dyn Fn(&str) -> Option<OsString>) -> Vec<ProxyVariable> {
    let found = NAMES.iter().filter_map(|name| parse(name, lookup(name)?.to_str()?));
    found.collect()
}

/// The variable that names the proxy for upstreams of this scheme, and its value. The variables are those of Go's `net/http`,
/// in its order, then `ALL_PROXY`. `HTTP_PROXY` is used although curl ignores it: curl guards against web servers that turn
/// headers into variables (httpoxy), and no web server starts attache.
pub(super) fn for_upstreams(
    lookup: &dyn Fn(&str) -> Option<OsString>,
    scheme: Scheme,
) -> Option<(&'static str, String)> {
    let names = match scheme {
        Scheme::Https => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        Scheme::Http => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    names.into_iter().find_map(|name| Some((name, text(lookup, name)?)))
}

/// The hosts that `NO_PROXY` lists.
pub(super) fn no_proxy(lookup: &dyn Fn(&str) -> Option<OsString>) -> NoProxy {
    let list = ["NO_PROXY", "no_proxy"].into_iter().find_map(|name| text(lookup, name));
    NoProxy::read(&list.unwrap_or_default())
}

/// The value of a variable, unless it is unset or empty.
fn text(lookup: &dyn Fn(&str) -> Option<OsString>, name: &str) -> Option<String> {
    let value = lookup(name)?.to_string_lossy().into_owned();
    (!value.is_empty()).then_some(value)
}

fn parse(name: &'static str, url: &str) -> Option<ProxyVariable> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("https", rest)) => (Scheme::Https, rest),
        Some((_, rest)) => (Scheme::Http, rest),
        None => (Scheme::Http, url),
    };
    let authority = rest.split(['/', '?']).next()?;
    let host_port = authority.rsplit('@').next()?;
    let HostPort { host, port, .. } = host_port.parse().ok()?;
    Some(ProxyVariable { name, host, port: port.unwrap_or(scheme.default_port()) })
}

impl ProxyVariable {
    /// Whether the variable names this attache itself, so that a request for a token would need a token.
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
    fn the_scheme_chooses_the_variable_and_one_for_all_comes_last() {
        let set = |names: &'static [&'static str], scheme| {
            let lookup = |name: &str| names.contains(&name).then(|| "http://proxy:3128".into());
            for_upstreams(&lookup, scheme).map(|(name, _)| name)
        };
        assert_eq!(set(&["HTTPS_PROXY", "https_proxy", "HTTP_PROXY"], Scheme::Https), Some("HTTPS_PROXY"));
        assert_eq!(set(&["https_proxy", "ALL_PROXY"], Scheme::Https), Some("https_proxy"));
        assert_eq!(set(&["HTTP_PROXY", "http_proxy", "HTTPS_PROXY"], Scheme::Http), Some("HTTP_PROXY"));
        assert_eq!(set(&["http_proxy"], Scheme::Http), Some("http_proxy"));
        assert_eq!(set(&["http_proxy", "HTTP_PROXY"], Scheme::Https), None);
        assert_eq!(set(&["HTTPS_PROXY", "https_proxy"], Scheme::Http), None);
        for scheme in [Scheme::Http, Scheme::Https] {
            assert_eq!(set(&["ALL_PROXY", "all_proxy"], scheme), Some("ALL_PROXY"));
            assert_eq!(set(&["all_proxy"], scheme), Some("all_proxy"));
        }
    }

    #[test]
    fn an_empty_variable_is_none() {
        let lookup = |name: &str| Some(if name == "https_proxy" { "http://proxy" } else { "" }.into());
        assert_eq!(for_upstreams(&lookup, Scheme::Https).unwrap().0, "https_proxy");
        assert!(for_upstreams(&|_| Some("".into()), Scheme::Https).is_none());
    }

    #[test]
    fn no_password_can_be_shown() {
        let variables = read(&|_| Some("http://user:hunter2@localhost:8080".into()));
        assert_eq!(variables.len(), NAMES.len());
        assert!(!format!("{variables:?}").contains("hunter2"));
    }
}
