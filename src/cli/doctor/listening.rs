//! Checks the addresses to listen on: each is free, or in use by a running attache.

use super::finding::{Check, Finding};
use crate::cli::fetch::{self, Fetcher};
use crate::cli::serve;
use crate::config::{Config, ListenAddr, MetricsConfig};
use crate::diagnostics::DiagnosticCode;
use crate::server::listener::{BindError, Listener};
use http::StatusCode;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::time::timeout;

/// The time limit for the metrics of a running attache, and for resolving a name.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The label that every series of attache's metrics has.
const METRICS_LABEL: &str = "otel_scope_name=\"attache\"";

/// Makes a finding for each address. The configuration ensures that they differ.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let metrics = config.metrics.as_ref();
    let running = match metrics {
        Some(metrics) => is_attache(metrics).await,
        None => None,
    };
    let mut findings = vec![address(Check::ListenAddress, &config.listen, running).await];
    findings.push(match metrics {
        Some(metrics) => address(Check::MetricsAddress, &metrics.listen, running).await,
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

/// Whether attache serves metrics at the address; `None` for an address that is not TCP.
async fn is_attache(metrics: &MetricsConfig) -> Option<bool> {
    let authority = match &metrics.listen {
        ListenAddr::Every(port) => format!("{}:{port}", Ipv4Addr::LOCALHOST),
        ListenAddr::One(host, port) => match host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
            Ok(IpAddr::V4(_)) | Err(_) => format!("{host}:{port}"),
        },
        ListenAddr::Unix(_) => return None,
    };
    let request = fetch::get(&format!("http://{authority}{}", metrics.path)).ok()?;
    let answer = Fetcher::to_anywhere(TIMEOUT).ok()?.send(request).await;
    Some(answer.is_ok_and(|answer| {
        answer.status() == StatusCode::OK && String::from_utf8_lossy(answer.body()).contains(METRICS_LABEL)
    }))
}
