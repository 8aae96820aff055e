//! Judges tables together: names that lead nowhere, routes that tie, addresses that are taken, tables without a use.

use super::document::{Document, Entry, Name, RouteTable};
use super::problem::{Findings, Problem, Rule};
use super::source::Source;
use crate::config::address;
use crate::config::listener::ListenAddr;
use crate::config::nearest::nearest;
use crate::model::route_match::{HostMatch, PathPrefix};
use crate::redact;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(super) fn check(
    document: &Document,
    metrics: Option<&ListenAddr>,
    source: &Source<'_>,
    findings: &mut Findings,
) {
    addresses(document, metrics, source, findings);
    let listeners = names(document.listeners.iter().map(|listener| &listener.name));
    let credentials = names(document.credentials.iter().map(|credential| &credential.name));
    for route in &document.routes {
        leads_to("listener", route, &route.listener, &listeners, findings);
        leads_to("credential", route, &route.credential, &credentials, findings);
        open_policy(route, findings);
    }
    ties(document, source, findings);
    unused(document, &listeners, &credentials, findings);
}

/// The names of a section, and where each stands.
type Names<'d> = BTreeMap<&'d str, &'d Name>;

fn names<'d>(names: impl Iterator<Item = &'d Name>) -> Names<'d> {
    names.map(|name| (name.text.as_str(), name)).collect()
}

fn addresses(
    document: &Document,
    metrics: Option<&ListenAddr>,
    source: &Source<'_>,
    findings: &mut Findings,
) {
    let addresses =
        document.listeners.iter().filter_map(|table| Some((&table.name, table.address.as_ref()?)));
    let addresses: Vec<_> = addresses.collect();
    for (index, (name, address)) in addresses.iter().enumerate() {
        let is_taken = |other: &ListenAddr| address::overlap(other, &address.value);
        let other = match addresses[..index].iter().find(|(_, other)| is_taken(&other.value)) {
            Some((other, place)) => {
                let line = source.line_number(place.at.start);
                format!("[listeners.{}] in line {line}, which is {}", other.shown(), place.value)
            }
            None => match metrics.filter(|metrics| is_taken(metrics)) {
                Some(metrics) => format!("--metrics-listen-addr, which is {metrics}"),
                None => continue,
            },
        };
        let what = format!("address of [listeners.{}] is {}", name.shown(), address.value);
        findings.add(Problem::new(Rule::SameAddress, &address.at, what, format!("must differ from {other}")));
    }
}

/// Judges the name of another table.
fn leads_to(key: &str, route: &RouteTable, name: &Entry<String>, known: &Names<'_>, findings: &mut Findings) {
    let Some(name) = name else { return };
    if known.contains_key(name.value.as_str()) {
        return;
    }
    let what = format!("{key} of [routes.{}] is {}", route.name.shown(), redact::shown(&name.value));
    let must = format!("must be the name of a table [{key}s.NAME]");
    let problem = Problem::new(Rule::UnknownName, &name.at, what, must);
    let good: Vec<&str> = known.values().filter_map(|name| name.shown.as_deref()).collect();
    let cure = match nearest(&name.value, good.iter().copied(), 2) {
        Some(meant) => format!("{meant} is one"),
        None if good.is_empty() => format!("the file has no table [{key}s.NAME]"),
        None => format!("there are {}", listed(&good)),
    };
    findings.add_absence(problem.cure(cure));
}

/// The first ten names.
fn listed(names: &[&str]) -> String {
    let more = if names.len() > 10 { " and others" } else { "" };
    format!("{}{more}", names[..names.len().min(10)].join(", "))
}

fn open_policy(route: &RouteTable, findings: &mut Findings) {
    if let (Some(header), None, None) = (&route.host_header, &route.upstream, &route.allow_hosts) {
        let what = format!("any caller of [routes.{}] can have a token sent to any host", route.name.shown());
        let problem = Problem::new(Rule::OpenPolicy, &header.at, what, "should have allow-hosts beside it");
        findings.add_absence(
            problem.cure("allow-hosts = [\"api.example.com\"], or [\"*\"] if any host is meant"),
        );
    }
}

/// What a route takes.
type Match<'d> = (Option<&'d str>, Option<&'d HostMatch>, Option<&'d PathPrefix>);

fn ties(document: &Document, source: &Source<'_>, findings: &mut Findings) {
    let mut taken: HashMap<Match<'_>, &RouteTable> = HashMap::new();
    for route in document.routes.iter().filter(|route| route.is_matched) {
        let matched = (
            route.listener.as_ref().map(|listener| listener.value.as_str()),
            route.host.as_ref().map(|host| &host.value),
            route.path_prefix.as_ref().map(|prefix| &prefix.value),
        );
        let Some(first) = taken.get(&matched) else {
            taken.insert(matched, route);
            continue;
        };
        let line = source.line_number(first.name.at.start);
        let what = format!(
            "[routes.{}] takes the same requests as [routes.{}]",
            route.name.shown(),
            first.name.shown()
        );
        let must = format!("must differ from the one in line {line} in listener, host or path-prefix");
        findings.add_absence(Problem::new(Rule::Tie, &route.name.at, what, must));
    }
}

fn unused(document: &Document, listeners: &Names<'_>, credentials: &Names<'_>, findings: &mut Findings) {
    // A route that names no listener takes the requests of each.
    let takes_any =
        document.routes.is_empty() || document.routes.iter().any(|route| route.listener.is_none());
    let unused = if takes_any { Vec::new() } else { unnamed(document, listeners, |route| &route.listener) };
    for name in unused {
        let text = name.shown();
        let what =
            format!("no route takes the requests of [listeners.{text}], so they are answered with 404");
        let cure = format!("write listener = \"{text}\" in a route, or take the listener out");
        findings.add_absence(Problem::new(Rule::Unused, &name.at, what, "should have a route").cure(cure));
    }
    for name in unnamed(document, credentials, |route| &route.credential) {
        let text = name.shown();
        let what = format!("no route uses [credentials.{text}], so it is not fetched");
        let cure = format!("write credential = \"{text}\" in a route, or take the credential out");
        findings.add_absence(Problem::new(Rule::Unused, &name.at, what, "should be used").cure(cure));
    }
}

/// The tables that no route names. Where a route names one that is not there, each of them may be meant.
fn unnamed<'d>(
    document: &Document,
    tables: &Names<'d>,
    of: fn(&RouteTable) -> &Entry<String>,
) -> Vec<&'d Name> {
    let named = document.routes.iter().filter_map(|route| of(route).as_ref()).map(|name| name.value.as_str());
    let named: BTreeSet<&str> = named.collect();
    if named.iter().any(|name| !tables.contains_key(name)) {
        return Vec::new();
    }
    tables.iter().filter(|(name, _)| !named.contains(*name)).map(|(_, table)| *table).collect()
}
