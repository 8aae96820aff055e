//! The log lines of a start: the addresses, the upstreams that requests may go to, and the tokens they get.

use crate::config::proxy_variables::ProxyVariable;
use crate::config::{Config, Routing};
use crate::diagnostics::DiagnosticCode;
use crate::server::address::Address;

/// Logs what the configuration decides, and warns of settings that may be mistakes. No field holds a secret.
pub(super) fn write(config: &Config, proxy: &Address, admin: Option<&Address>) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listen_addr = %proxy,
        tls = config.inbound_tls.is_some(),
        client_certificates = config.inbound_tls.as_ref().is_some_and(|files| files.client_ca.is_some()),
        metrics_listen_addr = admin.map(tracing::field::display),
        worker_threads = config.worker_threads.get(),
        "listening"
    );
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
    routing(config);
    if let Some(parent_proxy) = &config.upstream.parent_proxy {
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
    let tokens = &config.tokens;
    tracing::info!(
        audience = tokens.audiences.as_ref().map(tracing::field::display),
        derived = tokens.audiences.is_none(),
        algorithm = tokens.algorithm.as_str(),
        duration_s = tokens.duration.as_secs(),
        refresh_skew_s = tokens.refresh_skew.as_secs(),
        tags = tokens.tags.len(),
        sts_endpoint_url = tokens.sts_endpoint_url,
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
    let of_upstreams = config.upstream.parent_proxy.as_ref().map(|parent_proxy| parent_proxy.variable);
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

fn routing(config: &Config) {
    let policy = &config.policy;
    match &config.routing {
        Routing::Pinned(target) => {
            let connect_to = config.upstream.connect_to.as_ref().map(tracing::field::display);
            tracing::info!(mode = "pinned", %target, connect_to, "routing");
        }
        Routing::ByHeader { header, scheme } => {
            tracing::info!(
                mode = "header",
                %header,
                scheme = scheme.as_str(),
                allowed_hosts = policy.allow_hosts.len(),
                allowed_addresses = policy.allow_addresses.len(),
                denied_addresses = policy.deny_addresses.len(),
                "routing"
            );
            if policy.allow_hosts.is_empty() {
                let possible = match config.tokens.audiences {
                    Some(_) => "any caller can have the token for --token-audience sent to any host",
                    None => "any caller can have a token sent to any host",
                };
                tracing::warn!(
                    code = DiagnosticCode::PolicyOpen.code(),
                    see = DiagnosticCode::PolicyOpen.see(),
                    hint = "name the hosts that callers may reach: --allow-host api.example.com",
                    "{possible}"
                );
            }
            if let Some(parent_proxy) = &config.upstream.parent_proxy {
                tracing::warn!(
                    code = DiagnosticCode::ParentProxyUnjudged.code(),
                    see = DiagnosticCode::ParentProxyUnjudged.see(),
                    variable = parent_proxy.variable,
                    hint = "have that proxy refuse private and metadata addresses, and set --allow-host",
                    "a proxy looks the names of upstreams up, so their addresses are not judged here"
                );
            }
        }
    }
}
