//! Reads the tables of the file into a [`Document`].

use super::document::{
    CredentialTable, Defaults, Document, ListenerTable, Name, RouteTable, TokenKeys, UpstreamKeys,
};
use super::exchange;
use super::matching;
use super::problem::{Findings, Problem, Rule};
use super::table::{Table, kind, unknown_key};
use crate::config::file_keys::{CREDENTIALS, DEFAULTS, LISTENERS, ROUTES, SECTIONS, Section};
use crate::config::problems::Fault;
use crate::config::{address, network, parse};
use crate::model::target::{HostPort, Target};
use crate::redact;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The most characters of a name.
const MAX_NAME: usize = 64;

/// Reads all tables. Records each problem of a single key.
pub(super) fn read(root: &DeTable<'_>, findings: &mut Findings) -> Document {
    for key in root.keys() {
        let known = SECTIONS.iter().map(|section| section.name);
        if !known.clone().any(|name| name == key.get_ref()) {
            findings.add(unknown_key("the file", key.get_ref(), &key.span(), known));
        }
    }
    presence(root, findings);
    let defaults = root.get(DEFAULTS.name).and_then(|value| {
        let table = Table::new(&DEFAULTS, "[defaults]".to_owned(), value, findings)?;
        Some(self::defaults(&table, findings))
    });
    Document {
        defaults: defaults.unwrap_or_default(),
        credentials: named(&CREDENTIALS, root, findings, credential),
        listeners: named(&LISTENERS, root, findings, listener),
        routes: named(&ROUTES, root, findings, route),
    }
}

/// A file without a listener or without a route answers nothing.
fn presence(root: &DeTable<'_>, findings: &mut Findings) {
    for (section, key) in [(&LISTENERS, "an address"), (&ROUTES, "an upstream")] {
        let value = root.get(section.name).map(Spanned::get_ref);
        if value.is_none_or(|value| value.as_table().is_some_and(DeTable::is_empty)) {
            let problem = Problem::of_file(Rule::MissingKey, format!("has no {}", section.name));
            findings.add_absence(problem.cure(format!("add a table [{}.NAME] with {key}", section.name)));
        }
    }
}

/// Reads the tables of a section, one for each name, in the order of the file.
fn named<'t, T>(
    section: &'static Section,
    root: &'t DeTable<'t>,
    findings: &mut Findings,
    read: fn(Name, &Table<'t>, &mut Findings) -> T,
) -> Vec<T> {
    let Some(value) = root.get(section.name) else { return Vec::new() };
    let DeValue::Table(tables) = value.get_ref() else {
        let what = format!("{} is {}", section.name, kind(value.get_ref()));
        let must = format!("must be one table for each name, [{}.NAME]", section.name);
        findings.add(Problem::new(Rule::WrongType, &value.span(), what, must));
        return Vec::new();
    };
    let mut tables: Vec<(&Spanned<_>, &Spanned<DeValue<'_>>)> = tables.iter().collect();
    tables.sort_by_key(|(name, _)| name.span().start);
    let mut found = Vec::new();
    for (name, value) in tables {
        let text = name.get_ref();
        let name =
            Name { text: text.to_string(), shown: is_name(text).then(|| text.to_string()), at: name.span() };
        if name.shown.is_none() {
            let what = format!("the name of a table of {} is {}", section.name, redact::shown(text));
            let must =
                format!("must be 1 to {MAX_NAME} letters, digits, - and _, and begin with a letter or digit");
            findings.add(Problem::new(Rule::BadName, &name.at, what, must));
        }
        if let Some(table) =
            Table::new(section, format!("[{}.{}]", section.name, name.shown()), value, findings)
        {
            found.push(read(name, &table, findings));
        }
    }
    found
}

/// Whether a name can stand in logs, metrics and paths as it is.
fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && !redact::is_secret(text)
}

fn defaults(table: &Table<'_>, findings: &mut Findings) -> Defaults {
    let keys = ["token-signing-algorithm", "token-duration", "token-refresh-skew", "token-tags"];
    Defaults { upstream: upstream(table, findings), token: token(table, keys, findings) }
}

fn credential(name: Name, table: &Table<'_>, findings: &mut Findings) -> CredentialTable {
    let shown = format!("[credentials.{}.exchange]", name.shown());
    let exchange = table.value("exchange");
    // A problem of the exchange is told there.
    let is_unread = |exchange: &Option<_>| exchange.is_none() && table.value("exchange").is_some();
    let exchange = exchange.and_then(|value| exchange::read(&name.text, &shown, value, findings));
    let token = exchange.as_ref().map(|found| &found.value.expanded.token);
    let has_audience = token.is_some_and(|token| token.audience.is_some()) || is_unread(&exchange);
    if table.place_of("audience").is_none() && !has_audience {
        let must = "must name one, such as audience = \"https://api.example.com\"";
        table.lacks("has no audience", must, findings);
    }
    let audiences = table.list("audience", findings, parse::audience);
    let token = self::token(table, ["algorithm", "duration", "refresh-skew", "tags"], findings);
    let mut credential = CredentialTable { name, audiences, token, exchange };
    credential.take_from_exchange();
    credential
}

fn token(table: &Table<'_>, keys: [&'static str; 4], findings: &mut Findings) -> TokenKeys {
    let [algorithm, duration, refresh_skew, tags] = keys;
    TokenKeys {
        algorithm: table.text(algorithm, findings, parse::signing_algorithm),
        duration: table.text(duration, findings, parse::token_duration),
        refresh_skew: table.text(refresh_skew, findings, parse::positive_duration),
        tags: table.list(tags, findings, parse::tag),
    }
}

fn listener(name: Name, table: &Table<'_>, findings: &mut Findings) -> ListenerTable {
    if table.place_of("address").is_none() {
        table.lacks(
            "has no address",
            "must say where callers connect, such as address = \"127.0.0.1:8080\"",
            findings,
        );
    }
    table.needs("tls-cert", "tls-key", findings);
    table.needs("tls-key", "tls-cert", findings);
    table.needs("tls-client-ca", "tls-cert", findings);
    ListenerTable {
        name,
        address: table.text("address", findings, address::parse),
        tls_cert: table.text("tls-cert", findings, parse::file),
        tls_key: table.text("tls-key", findings, parse::file),
        tls_client_ca: table.text("tls-client-ca", findings, parse::file),
    }
}

fn route(name: Name, table: &Table<'_>, findings: &mut Findings) -> RouteTable {
    let listener = table.text("listener", findings, any);
    let host = table.text("host", findings, matching::route_host);
    let path_prefix = table.text("path-prefix", findings, matching::path_prefix);
    let strip_prefix = table.boolean("strip-prefix", findings);
    destination(table, findings);
    let is_read = |key: &str, is_read: bool| is_read || table.place_of(key).is_none();
    RouteTable {
        name,
        is_matched: is_read("listener", listener.is_some())
            && is_read("host", host.is_some())
            && is_read("path-prefix", path_prefix.is_some()),
        listener,
        host,
        path_prefix,
        strip_prefix,
        upstream: table.text("upstream", findings, network::upstream_url),
        connect_to: table.text("upstream-connect-to", findings, network::upstream_host),
        host_header: table.text("host-header", findings, network::host_header),
        scheme: table.text("upstream-scheme", findings, parse::scheme),
        allow_hosts: table.list("allow-hosts", findings, network::host_pattern),
        allow_addresses: table.list("allow-addresses", findings, network::address_range),
        deny_addresses: table.list("deny-addresses", findings, network::address_range),
        credential: table.text("credential", findings, any),
        settings: upstream(table, findings),
    }
}

/// Judges which keys of a route stand together.
fn destination(table: &Table<'_>, findings: &mut Findings) {
    if table.place_of("upstream").is_none() && table.place_of("host-header").is_none() {
        let must = "must have upstream, such as upstream = \"https://api.example.com\", or host-header";
        table.lacks("names no upstream", must, findings);
    }
    let one = "a route goes to one upstream, or has each request name its own";
    table.excludes("upstream", "host-header", one, findings);
    table.excludes("upstream", "upstream-scheme", "the scheme stands in upstream itself", findings);
    for rule in ["allow-hosts", "allow-addresses", "deny-addresses"] {
        table.excludes(
            "upstream",
            rule,
            "no rule applies to the one upstream of a route, so take it out",
            findings,
        );
    }
    table.excludes("host-header", "upstream-connect-to", "it is for the one upstream of a route", findings);
    table.needs("strip-prefix", "path-prefix", findings);
}

fn upstream(table: &Table<'_>, findings: &mut Findings) -> UpstreamKeys {
    table.needs("upstream-client-cert", "upstream-client-key", findings);
    table.needs("upstream-client-key", "upstream-client-cert", findings);
    UpstreamKeys {
        timeout: table.text("upstream-timeout", findings, parse::positive_duration),
        connect_timeout: table.text("upstream-connect-timeout", findings, parse::positive_duration),
        idle_timeout: table.text("upstream-idle-timeout", findings, parse::positive_duration),
        protocol: table.text("upstream-protocol", findings, parse::upstream_protocol),
        ca_cert: table.text("upstream-ca-cert", findings, parse::file),
        client_cert: table.text("upstream-client-cert", findings, parse::file),
        client_key: table.text("upstream-client-key", findings, parse::file),
        forwarded_for: table.text("forwarded-for", findings, parse::forwarded_for),
    }
}

/// A name of another table, which is looked up when all tables are read.
fn any(text: &str) -> Result<String, Fault> {
    Ok(text.to_owned())
}

/// The target to connect to in place of an upstream: with the upstream's port unless `place` has one.
pub(super) fn dialled(target: &Target, place: &HostPort) -> Target {
    let port = place.port.or(Some(target.port()));
    Target::new(target.scheme(), HostPort { port, ..place.clone() })
}
