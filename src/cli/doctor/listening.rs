//! Checks the addresses to listen on: each is free, or in use by a running attache.

use super::finding::{Check, Finding};
use crate::cli::fetch;
use crate::cli::serve;
use crate::config::listener::{ListenAddr, ListenerConfig};
use crate::config::route::label;
use crate::config::{Config, MetricsConfig};
use crate::diagnostics::DiagnosticCode;
use crate::http_client;
use crate::server::bind_error::BindError;
use crate::server::listener::Listener;
use http::StatusCode;
use serde::Deserialize;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::time::timeout;

/// The time limit for the metrics of a running attache, and for resolving a name.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What a running attache says of itself at `/status`, as far as it is needed here.
#[derive(Deserialize)]
struct Status {
    listeners: Listeners,
}

/// The addresses that it has bound.
#[derive(Deserialize)]
struct Listeners {
    callers: String,
    metrics: String,
}

/// Makes a finding for each address. The configuration ensures that they differ.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let metrics = config.metrics.as_ref();
    let running = match metrics {
        Some(metrics) => running(metrics).await,
        None => None,
    };
    let mut findings = Vec::new();
    for ListenerConfig { name, listen, .. } in &config.listeners {
        let of_callers = running
            .as_ref()
            .map(|running| running.as_ref().is_some_and(|listeners| has_bound(&listeners.callers, listen)));
        findings.push(address(Check::ListenAddress, listen, of_callers).await.about(label(name)));
    }
    findings.push(match metrics {
        Some(metrics) => {
            let of_metrics = running.as_ref().map(|running| {
                running.as_ref().is_some_and(|listeners| has_bound(&listeners.metrics, &metrics.listen))
            });
            address(Check::MetricsAddress, &metrics.listen, of_metrics).await
        }
        None => Finding::skipped(Check::MetricsAddress, "metrics and health are off"),
    });
    findings
}

async fn address(check: Check, address: &ListenAddr, running: Option<bool>) -> Finding {
    let error = match timeout(TIMEOUT, Listener::bind(address)).await {
        Ok(Ok(_)) => return Finding::ok(check, format!("{address} is free")),
        Ok(Err(error)) => error,
        Err(_) => {
            let seen = format!("{address} does not resolve within {}s", TIMEOUT.as_secs());
            return Finding::failed(
                check,
                DiagnosticCode::AddressUnusable,
                seen,
                "name an address instead of a host",
            );
        }
    };
    let seen = format!("{address}: {error}");
    let next = serve::bind_hint(address, &error).unwrap_or("choose another address");
    match running {
        _ if !is_in_use(&error) => Finding::failed(check, DiagnosticCode::AddressUnusable, seen, next),
        Some(true) => Finding::ok(check, format!("{address} is in use by an attache that runs")),
        Some(false) => Finding::failed(check, DiagnosticCode::AddressInUse, seen, next),
        None => {
            let next = format!("if it is attache itself that listens there, all is well; else {next}");
            Finding::warning(check, DiagnosticCode::AddressInUse, seen, next)
        }
    }
}

fn is_in_use(error: &BindError) -> bool {
    match error {
        BindError::System(error) => error.kind() == ErrorKind::AddrInUse,
        BindError::InUse => true,
        BindError::NotASocket | BindError::Unclear(_) => false,
    }
}

/// Whether a running attache has bound this address, by what it says. The addresses of a name differ, its port does not.
fn has_bound(bound: &str, address: &ListenAddr) -> bool {
    match address {
        ListenAddr::Every(port) | ListenAddr::One(_, port) => {
            let mut bound = bound.split(", ").filter_map(|bound| bound.parse::<SocketAddr>().ok());
            bound.any(|bound| bound.port() == *port)
        }
        ListenAddr::Unix(_) => bound == address.to_string(),
    }
}

/// The listeners of the attache that answers at the address for metrics, or of none; `None` for an address that is not
/// TCP.
async fn running(metrics: &MetricsConfig) -> Option<Option<Listeners>> {
    let authority = match &metrics.listen {
        ListenAddr::Every(port) => format!("{}:{port}", Ipv4Addr::LOCALHOST),
        ListenAddr::One(host, port) => match host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
            Ok(IpAddr::V4(_)) | Err(_) => format!("{host}:{port}"),
        },
        ListenAddr::Unix(_) => return None,
    };
    let request = http_client::get(&format!("http://{authority}/status")).ok()?;
    let answer = fetch::client().ok()?.send(request, fetch::bounds(TIMEOUT)).await;
    let status = answer.ok().filter(|answer| answer.status() == StatusCode::OK);
    Some(
        status
            .and_then(|answer| serde_json::from_slice::<Status>(answer.body()).ok())
            .map(|status| status.listeners),
    )
}
