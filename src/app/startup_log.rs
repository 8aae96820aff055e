//! The log lines of a start: the addresses, the upstreams that requests may go to, and the tokens they get.

use crate::config::Config;
use crate::config::listener::ListenerConfig;
use crate::config::proxy_variables::ProxyVariable;
use crate::config::route::{CredentialRule, RouteConfig, Routing, label};
use crate::diagnostics::DiagnosticCode;
use crate::server::address::Address;

/// Logs what the configuration decides, and warns of settings that may be mistakes. No field holds a secret.
pub(super) fn write(config: &Config, listeners: &[(ListenerConfig, Address)], admin: Option<&Address>) {
    let Some(((first, proxy), others)) = listeners.split_first() else { return };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listener = label(&first.name),
        listen_addr = %proxy,
        tls = first.tls.is_some(),
        client_certificates = first.tls.as_ref().is_some_and(|files| files.client_ca.is_some()),
        metrics_listen_addr = admin.map(tracing::field::display),
        worker_threads = config.worker_threads.get(),
        "listening"
    );
    for (other, address) in others {
        listener(other, address);
    }
    for notice in &config.notices {
        tracing::warn!(
            code = DiagnosticCode::SettingUnused.code(),
            see = DiagnosticCode::SettingUnused.see(),
            variable = notice.variable,
            reason = notice.reason,
            "a variable is not used"
        );
    }
    proxy_loop(config, proxy);
    config.routes.iter().for_each(routing);
    if let Some(parent_proxy) = &config.route().upstream.parent_proxy {
        tracing::info!(variable = parent_proxy.variable, proxy = %parent_proxy, "upstreams are reached through a proxy");
    }
    let otel = &config.otel;
    if otel.metrics.is_some() || otel.traces.is_some() {
        tracing::info!(
            metrics = otel.metrics.as_ref().map(|(collector, _)| collector.endpoint.as_str()),
            traces = otel.traces.as_ref().map(|(collector, _)| collector.endpoint.as_str()),
            "pushing telemetry"
        );
    }
    for route in &config.routes {
        tokens(config, route);
    }
}

/// The line of a listener beside the first, or of one that a reload adds.
pub(super) fn listener(config: &ListenerConfig, address: &Address) {
    tracing::info!(
        listener = label(&config.name),
        listen_addr = %address,
        tls = config.tls.is_some(),
        client_certificates = config.tls.as_ref().is_some_and(|files| files.client_ca.is_some()),
        "listening"
    );
}

/// The line of a listener that a reload has removed or put another in place of.
pub(super) fn closed(config: &ListenerConfig, address: &Address) {
    tracing::info!(
        listener = label(&config.name),
        listen_addr = %address,
        "no more connections are accepted under the settings before"
    );
}

fn tokens(config: &Config, route: &RouteConfig) {
    let audiences = match &route.credential {
        CredentialRule::Fixed(spec) => Some(spec.audiences()),
        CredentialRule::OfTarget(_) => None,
    };
    let template = route.credential.template();
    tracing::info!(
        route = route.label(),
        audience = audiences.map(tracing::field::display),
        derived = audiences.is_none(),
        algorithm = template.algorithm.as_str(),
        duration_s = template.lifetime.as_secs(),
        refresh_skew_s = template.refresh_skew.as_secs(),
        tags = template.tags.len(),
        sts_endpoint_url = config.tokens.sts_endpoint_url,
        "tokens"
    );
}

/// Warns of proxy variables that name this very proxy: a request for a token would need a token.
fn proxy_loop(config: &Config, proxy: &Address) {
    let leads_here = |variable: &&ProxyVariable| proxy.tcp().iter().any(|proxy| variable.leads_to(*proxy));
    let variables: Vec<&str> =
        config.proxy_variables.iter().filter(leads_here).map(|variable| variable.name).collect();
    if variables.is_empty() {
        return;
    }
    let of_upstreams =
        config.route().upstream.parent_proxy.as_ref().map(|parent_proxy| parent_proxy.variable);
    let (message, hint) = match of_upstreams.is_some_and(|variable| variables.contains(&variable)) {
        true => (
            "calls to STS and requests to upstreams are sent to this very proxy, which opens no tunnels",
            "unset it for attache, or add the region's STS host and the upstreams to NO_PROXY",
        ),
        false => (
            "calls to STS are sent to this very proxy, which needs them to answer",
            "unset it for attache, or add the region's STS host to NO_PROXY",
        ),
    };
    tracing::warn!(
        code = DiagnosticCode::ProxyLoop.code(),
        see = DiagnosticCode::ProxyLoop.see(),
        variable = variables.join(", "),
        hint,
        "{message}"
    );
}

fn routing(route: &RouteConfig) {
    let (name, policy) = (route.label(), &route.policy);
    match &route.routing {
        Routing::Pinned(target) => {
            let connect_to = route.upstream.connect_to.as_ref().map(tracing::field::display);
            tracing::info!(route = name, mode = "pinned", %target, connect_to, "routing");
        }
        Routing::ByHeader { header, scheme } => {
            tracing::info!(
                route = name,
                mode = "header",
                %header,
                scheme = scheme.as_str(),
                allowed_hosts = policy.allow_hosts.len(),
                allowed_addresses = policy.allow_addresses.len(),
                denied_addresses = policy.deny_addresses.len(),
                "routing"
            );
            if policy.allow_hosts.is_empty() {
                let possible = match &route.credential {
                    CredentialRule::Fixed(_) => {
                        "any caller can have the token for --token-audience sent to any host"
                    }
                    CredentialRule::OfTarget(_) => "any caller can have a token sent to any host",
                };
                tracing::warn!(
                    code = DiagnosticCode::PolicyOpen.code(),
                    see = DiagnosticCode::PolicyOpen.see(),
                    route = name,
                    hint = "name the hosts that callers may reach: --allow-host api.example.com",
                    "{possible}"
                );
            }
            if let Some(parent_proxy) = &route.upstream.parent_proxy {
                tracing::warn!(
                    code = DiagnosticCode::ParentProxyUnjudged.code(),
                    see = DiagnosticCode::ParentProxyUnjudged.see(),
                    route = name,
                    variable = parent_proxy.variable,
                    hint = "have that proxy refuse private and metadata addresses, and set --allow-host",
                    "a proxy looks the names of upstreams up, so their addresses are not judged here"
                );
            }
        }
    }
}
