//! Resolves the settings of upstreams: which upstreams, and how they are reached.

use super::args::UpstreamArgs;
use super::problems::Fault;
use super::reader::Reader;
use super::route::Routing;
use super::upstream::{ParentProxies, UpstreamConfig, UpstreamPair, UpstreamTlsFiles};
use super::{network, parse};
use crate::model::parent_proxy::ParentProxy;
use crate::model::target::{HostPort, Scheme, Target};

/// How a request finds its upstream, and the host and port to connect to if not the upstream's own.
pub(super) type Destinations = (Routing, Option<Target>);

pub(super) fn destinations(reader: &mut Reader<'_>, args: &UpstreamArgs) -> Option<Destinations> {
    let problems = reader.problem_count();
    let host = reader.optional("upstream-host", args.upstream_host.as_deref(), network::upstream_host);
    let connect_to = args.upstream_connect_to.as_deref();
    let connect_to = reader.optional("upstream-connect-to", connect_to, network::upstream_host);
    // A setting with an invalid value counts as given.
    if let (None, Some(connect_to)) = (&host, &connect_to)
        && reader.problem_count() == problems
    {
        let rule = "must be given together with --upstream-host (UPSTREAM_HOST)";
        reader.refuse(&connect_to.origin, Fault::new(rule));
    }
    let scheme = reader.value("upstream-scheme", args.upstream_scheme.as_deref(), "https", parse::scheme);
    if let Some(host) = host {
        let target = Target::new(scheme?.value, host.value);
        let connect_to = connect_to.map(|place| dialled(&target, place.value));
        return Some((Routing::Pinned(target), connect_to));
    }
    if let Some(setting) = reader.set_to_nothing("upstream-host", args.upstream_host.as_deref()) {
        reader.notice(&setting, "it is empty, so each request names its own upstream");
    }
    let header =
        reader.value("host-header", args.host_header.as_deref(), "X-Upstream-Host", network::host_header);
    Some((Routing::ByHeader { header: header?.value, scheme: scheme?.value }, None))
}

/// The target to connect to, with the upstream's port unless `place` has one.
fn dialled(target: &Target, place: HostPort) -> Target {
    let port = place.port.or(Some(target.port()));
    Target::new(target.scheme(), HostPort { port, ..place })
}

/// Resolves how upstreams are reached. `destinations` is `None` if the routing is invalid, which is recorded already.
pub(super) fn upstream(
    reader: &mut Reader<'_>,
    args: &UpstreamArgs,
    destinations: Option<&Destinations>,
) -> Option<UpstreamConfig> {
    let response = reader.timeout("upstream-timeout", args.upstream_timeout.as_deref(), "30s");
    let connect = reader.timeout("upstream-connect-timeout", args.upstream_connect_timeout.as_deref(), "10s");
    let idle = reader.timeout("upstream-idle-timeout", args.upstream_idle_timeout.as_deref(), "90s");
    let protocol = args.upstream_protocol.as_deref();
    let protocol = reader.value("upstream-protocol", protocol, "auto", parse::upstream_protocol);
    let tls = tls(reader, args);
    let forwarded_for =
        reader.value("forwarded-for", args.forwarded_for.as_deref(), "append", parse::forwarded_for);
    let parent_proxy = destinations.and_then(|destinations| parent_proxy(reader, destinations));
    Some(UpstreamConfig {
        timeout: response?,
        connect_timeout: connect?,
        idle_timeout: idle?,
        protocol: protocol?.value,
        tls,
        connect_to: destinations.and_then(|(_, connect_to)| connect_to.clone()),
        parent_proxy,
        forwarded_for: forwarded_for?.value,
    })
}

fn tls(reader: &mut Reader<'_>, args: &UpstreamArgs) -> UpstreamTlsFiles {
    let ca_cert = reader.optional("upstream-ca-cert", args.upstream_ca_cert.as_deref(), parse::file);
    let problems = reader.problem_count();
    let cert = reader.optional("upstream-client-cert", args.upstream_client_cert.as_deref(), parse::file);
    let key = reader.optional("upstream-client-key", args.upstream_client_key.as_deref(), parse::file);
    let lonely = match (&cert, &key) {
        (Some(_), Some(_)) | (None, None) => None,
        (Some(cert), None) => Some((&cert.origin, "--upstream-client-key (ATTACHE_UPSTREAM_CLIENT_KEY)")),
        (None, Some(key)) => Some((&key.origin, "--upstream-client-cert (ATTACHE_UPSTREAM_CLIENT_CERT)")),
    };
    // A setting with an invalid value counts as given.
    if let Some((origin, other)) = lonely
        && reader.problem_count() == problems
    {
        reader.refuse(origin, Fault::new(format!("must be given together with {other}")));
    }
    let client = cert.zip(key).map(|(cert, key)| UpstreamPair { cert: cert.value, key: key.value });
    UpstreamTlsFiles { ca_cert: ca_cert.map(|found| found.value), client }
}

/// The HTTP proxy that the environment names, unless `NO_PROXY` covers the pinned upstream.
fn parent_proxy(reader: &mut Reader<'_>, (routing, connect_to): &Destinations) -> Option<ParentProxy> {
    let no_proxy = reader.no_proxy();
    match routing {
        Routing::Pinned(target) if no_proxy.covers(connect_to.as_ref().unwrap_or(target)) => None,
        Routing::Pinned(_) | Routing::ByHeader { .. } => reader.parent_proxy(routing.scheme(), no_proxy),
    }
}

/// The HTTP proxies that the environment names, for the routes of a file.
pub(super) fn parent_proxies(reader: &mut Reader<'_>) -> ParentProxies {
    let no_proxy = reader.no_proxy();
    let https = reader.parent_proxy(Scheme::Https, no_proxy.clone());
    ParentProxies { https, http: reader.parent_proxy(Scheme::Http, no_proxy) }
}
