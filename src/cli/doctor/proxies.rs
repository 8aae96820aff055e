//! Checks the proxy variables, which apply to calls to AWS and requests to upstreams.

use super::finding::{Check, Finding};
use crate::config::Config;
use crate::config::environment::variable;
use crate::config::listener::ListenAddr;
use crate::diagnostics::DiagnosticCode;
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The metadata addresses that provide credentials: of instances, ECS tasks and EKS pods.
const METADATA: [&str; 3] = ["169.254.169.254", "169.254.170.2", "169.254.170.23"];
/// An STS that stands for the region's one while the region is unknown.
const SOME_STS: &str = "https://sts.us-east-1.amazonaws.com";

/// Checks the variables against the destinations of attache's own calls.
pub(super) fn check(config: &Config, sts: Option<&str>) -> Finding {
    let check = Check::ProxyVariables;
    let matcher = matcher();
    let leads_away = |url: &str| url.parse::<Uri>().ok().and_then(|url| matcher.intercept(&url));
    let sts = sts.unwrap_or(SOME_STS);
    let by_proxy = leads_away(sts);
    let listening = listening(&config.listener().listen);
    let here = by_proxy.as_ref().zip(listening).is_some_and(|(proxy, listening)| {
        proxy.uri().port_u16() == Some(listening.port())
            && config.proxy_variables.iter().any(|variable| variable.leads_to(listening))
    });
    if here {
        let names: Vec<&str> = config.proxy_variables.iter().map(|variable| variable.name).collect();
        let seen = format!("calls to STS are sent to this very proxy by {}", names.join(", "));
        let next = "unset it for attache, or add the region's STS host to NO_PROXY";
        return Finding::failed(check, DiagnosticCode::ProxyLoop, seen, next);
    }
    let proxied: Vec<&str> =
        METADATA.into_iter().filter(|address| leads_away(&format!("http://{address}/")).is_some()).collect();
    if needs_metadata() && !proxied.is_empty() {
        let seen = format!("calls to {} are sent through an HTTP proxy", proxied.join(", "));
        let next = format!("NO_PROXY={}", METADATA.join(","));
        return Finding::warning(check, DiagnosticCode::MetadataProxied, seen, next);
    }
    let sts = match by_proxy {
        Some(_) => "calls to STS go through an HTTP proxy",
        None => "calls to STS go through no HTTP proxy",
    };
    match &config.route().upstream.parent_proxy {
        Some(parent_proxy) => Finding::ok(
            check,
            format!("{sts}, requests to upstreams through {parent_proxy} by {}", parent_proxy.variable),
        ),
        None => Finding::ok(check, format!("{sts}, requests to upstreams through none")),
    }
}

/// Whether the variables send calls to this URL through an HTTP proxy.
pub(super) fn carries(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|url| matcher().intercept(&url).is_some())
}

/// The AWS SDK's rules for the variables that it reads.
fn matcher() -> Matcher {
    let value = |names: [&str; 2]| {
        let values = names.into_iter().filter_map(variable);
        values
            .map(|value| value.to_string_lossy().into_owned())
            .find(|value| !value.is_empty())
            .unwrap_or_default()
    };
    Matcher::builder()
        .all(value(["ALL_PROXY", "all_proxy"]))
        .http(value(["HTTP_PROXY", "http_proxy"]))
        .https(value(["HTTPS_PROXY", "https_proxy"]))
        .no(value(["NO_PROXY", "no_proxy"]))
        .build()
}

/// Whether credentials may come from a metadata address.
fn needs_metadata() -> bool {
    let is_off =
        variable("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let in_container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    let has_keys = variable("AWS_ACCESS_KEY_ID").is_some();
    !has_keys && (!is_off || in_container.into_iter().any(|name| variable(name).is_some()))
}

fn listening(address: &ListenAddr) -> Option<SocketAddr> {
    match address {
        ListenAddr::Every(port) => Some((Ipv4Addr::UNSPECIFIED, *port).into()),
        ListenAddr::One(host, port) => {
            Some((host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), *port).into())
        }
        ListenAddr::Unix(_) => None,
    }
}
