//! Makes the listeners and routes of a file without errors.

use super::document::{CredentialTable, Document, ListenerTable, RouteTable};
use super::settled;
use super::source::Located;
use super::tables::dialled;
use crate::config::listener::{ListenerConfig, TlsFiles};
use crate::config::route::{CredentialRule, RouteConfig, Routing};
use crate::config::upstream::{ParentProxies, UpstreamConfig, UpstreamPair, UpstreamTlsFiles};
use crate::model::audience_set::AudienceSet;
use crate::model::credential_spec::{CredentialSpec, CredentialTemplate};
use crate::model::policy::Policy;
use crate::model::route_match::RouteMatch;
use crate::model::target::Scheme;

/// The listeners, in the order of the file.
pub(super) fn listeners(document: &Document) -> Vec<ListenerConfig> {
    document.listeners.iter().filter_map(listener).collect()
}

/// The routes, in the order of the file. `parents` are the HTTP proxies that the environment names.
pub(super) fn routes(document: &Document, parents: &ParentProxies) -> Vec<RouteConfig> {
    document.routes.iter().filter_map(|table| route(table, document, parents)).collect()
}

// A file without errors has what is missing where these return `None`.
fn listener(table: &ListenerTable) -> Option<ListenerConfig> {
    let client_ca = table.tls_client_ca.as_ref().map(|file| file.value.clone());
    let tls = table.tls_cert.as_ref().zip(table.tls_key.as_ref());
    let tls = tls.map(|(cert, key)| TlsFiles { cert: cert.value.clone(), key: key.value.clone(), client_ca });
    Some(ListenerConfig { name: table.name.text.clone(), listen: table.address.as_ref()?.value.clone(), tls })
}

fn route(table: &RouteTable, document: &Document, parents: &ParentProxies) -> Option<RouteConfig> {
    let routing = match (&table.upstream, &table.host_header) {
        (Some(target), _) => Routing::Pinned(target.value.clone()),
        (None, Some(header)) => Routing::ByHeader {
            header: header.value.clone(),
            scheme: table.scheme.as_ref().map_or(Scheme::Https, |scheme| scheme.value),
        },
        (None, None) => return None,
    };
    let credential = match &table.credential {
        None => {
            CredentialRule::OfTarget(template(&settled::token(&document.defaults.token, &Default::default())))
        }
        Some(name) => {
            let named = document.credentials.iter().find(|credential| credential.name.text == name.value)?;
            credential(named, document)?
        }
    };
    Some(RouteConfig {
        name: table.name.text.clone(),
        matches: RouteMatch {
            listener: value(&table.listener),
            host: value(&table.host),
            path_prefix: value(&table.path_prefix),
            strip_prefix: value(&table.strip_prefix).unwrap_or(false),
        },
        policy: Policy {
            allow_hosts: values(table.allow_hosts.as_ref()),
            allow_addresses: values(table.allow_addresses.as_ref()),
            deny_addresses: values(table.deny_addresses.as_ref()),
        },
        credential,
        upstream: upstream(table, &routing, document, parents),
        routing,
    })
}

fn credential(table: &CredentialTable, document: &Document) -> Option<CredentialRule> {
    let audiences = AudienceSet::new(values(table.audiences.as_ref())).ok()?;
    let template = template(&settled::token(&table.token, &document.defaults.token));
    let spec = template.with(audiences);
    Some(CredentialRule::Fixed(match &table.exchange {
        Some(found) => CredentialSpec::exchanged(
            spec.token().clone(),
            spec.refresh_skew(),
            found.value.expanded.exchange.clone(),
        ),
        None => spec,
    }))
}

fn template(settings: &settled::TokenSettings) -> CredentialTemplate {
    CredentialTemplate {
        algorithm: settings.algorithm,
        lifetime: settings.duration,
        tags: settings.tags.clone(),
        refresh_skew: settings.refresh_skew,
    }
}

fn upstream(
    table: &RouteTable,
    routing: &Routing,
    document: &Document,
    parents: &ParentProxies,
) -> UpstreamConfig {
    let settings = settled::upstream(&table.settings, &document.defaults.upstream);
    let connect_to = match (routing, &table.connect_to) {
        (Routing::Pinned(target), Some(place)) => Some(dialled(target, &place.value)),
        (Routing::Pinned(_) | Routing::ByHeader { .. }, _) => None,
    };
    let parent = parents.of(routing.scheme());
    let parent_proxy = match routing {
        Routing::Pinned(target) => {
            parent.filter(|parent| parent.carries(connect_to.as_ref().unwrap_or(target)))
        }
        Routing::ByHeader { .. } => parent,
    };
    UpstreamConfig {
        timeout: settings.timeout,
        connect_timeout: settings.connect_timeout,
        idle_timeout: settings.idle_timeout,
        protocol: settings.protocol,
        tls: UpstreamTlsFiles {
            ca_cert: settings.ca_cert,
            client: settings.client.map(|(cert, key)| UpstreamPair { cert, key }),
        },
        parent_proxy: parent_proxy.cloned(),
        connect_to,
        forwarded_for: settings.forwarded_for,
    }
}

fn value<T: Clone>(entry: &Option<Located<T>>) -> Option<T> {
    entry.as_ref().map(|found| found.value.clone())
}

fn values<T: Clone>(entries: Option<&Located<Vec<Located<T>>>>) -> Vec<T> {
    entries.map(|entries| entries.value.iter().map(|entry| entry.value.clone()).collect()).unwrap_or_default()
}
