//! The file as TOML with each default written out, in the order of the documents. It means the same as the file.

use super::document::{CredentialTable, Document, Entry, ListenerTable, RouteTable, TokenKeys, UpstreamKeys};
use super::settled::{self, TokenSettings};
use super::source::Located;
use crate::config::duration::Shown;
use crate::config::exchange::keys::KeyValue;
use crate::redact;
use std::fmt::Display;
use std::path::PathBuf;

/// Writes the file. Values that may be secrets are masked.
pub(super) fn write(document: &Document) -> String {
    let mut writer = Writer::default();
    let none = TokenKeys::default();
    writer.table("defaults");
    token(&mut writer, "token-", "signing-algorithm", &settled::token(&document.defaults.token, &none));
    for table in &document.credentials {
        credential(&mut writer, table, &document.defaults.token);
    }
    for table in &document.listeners {
        listener(&mut writer, table);
    }
    for table in &document.routes {
        route(&mut writer, table, &document.defaults.upstream);
    }
    writer.0
}

fn credential(writer: &mut Writer, table: &CredentialTable, defaults: &TokenKeys) {
    writer.table(&format!("credentials.{}", table.name.text));
    writer.list("audience", table.audiences.as_ref());
    token(writer, "", "algorithm", &settled::token(&table.token, defaults));
    if let Some(found) = &table.exchange {
        writer.table(&format!("credentials.{}.exchange", table.name.text));
        for (key, value) in &found.value.keys {
            writer.line(&quoted_key(key), &inline(value));
        }
        super::exchange_shown::hops(&found.value.expanded.exchange.exchange)
            .for_each(|line| writer.comment(&line));
    }
}

/// A value of an exchange in one line.
fn inline(value: &KeyValue) -> String {
    match value {
        KeyValue::Text(text) => quoted(text),
        KeyValue::Flag(flag) => flag.to_string(),
        KeyValue::List(texts) => {
            format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
        }
        KeyValue::Table(keys) => {
            let entries = keys.iter().map(|(key, value)| format!("{} = {}", quoted_key(key), inline(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        // A file without errors has none.
        KeyValue::Other => quoted(""),
    }
}

fn quoted_key(key: &str) -> String {
    let is_bare =
        !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if is_bare { key.to_owned() } else { quoted(key) }
}

fn token(writer: &mut Writer, prefix: &str, algorithm: &str, settings: &TokenSettings) {
    writer.text(&format!("{prefix}{algorithm}"), settings.algorithm.as_str());
    writer.text(&format!("{prefix}duration"), Shown(settings.duration));
    writer.text(&format!("{prefix}refresh-skew"), Shown(settings.refresh_skew));
    let tags: Vec<String> = settings.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if !tags.is_empty() {
        writer.texts(&format!("{prefix}tags"), tags.iter());
    }
}

fn listener(writer: &mut Writer, table: &ListenerTable) {
    writer.table(&format!("listeners.{}", table.name.text));
    writer.entry("address", &table.address);
    writer.file("tls-cert", table.tls_cert.as_ref().map(|file| &file.value));
    writer.file("tls-key", table.tls_key.as_ref().map(|file| &file.value));
    writer.file("tls-client-ca", table.tls_client_ca.as_ref().map(|file| &file.value));
}

fn route(writer: &mut Writer, table: &RouteTable, defaults: &UpstreamKeys) {
    writer.table(&format!("routes.{}", table.name.text));
    writer.entry("listener", &table.listener);
    writer.entry("host", &table.host);
    if let Some(prefix) = &table.path_prefix {
        writer.text("path-prefix", prefix.value.as_str());
        let strip = table.strip_prefix.as_ref().is_some_and(|strip| strip.value);
        writer.line("strip-prefix", &strip.to_string());
    }
    writer.entry("upstream", &table.upstream);
    if let (Some(target), Some(place)) = (&table.upstream, &table.connect_to) {
        let place = super::tables::dialled(&target.value, &place.value);
        writer.text("upstream-connect-to", format!("{}:{}", place.host(), place.port()));
    }
    if let Some(header) = &table.host_header {
        writer.text("host-header", &header.value);
        writer.text("upstream-scheme", table.scheme.as_ref().map_or("https", |scheme| scheme.value.as_str()));
    }
    writer.list("allow-hosts", table.allow_hosts.as_ref());
    writer.list("allow-addresses", table.allow_addresses.as_ref());
    writer.list("deny-addresses", table.deny_addresses.as_ref());
    writer.entry("credential", &table.credential);
    let settings = settled::upstream(&table.settings, defaults);
    writer.text("upstream-timeout", Shown(settings.timeout));
    writer.text("upstream-connect-timeout", Shown(settings.connect_timeout));
    writer.text("upstream-idle-timeout", Shown(settings.idle_timeout));
    writer.text("upstream-protocol", settings.protocol.as_str());
    writer.file("upstream-ca-cert", settings.ca_cert.as_ref());
    writer.file("upstream-client-cert", settings.client.as_ref().map(|(cert, _)| cert));
    writer.file("upstream-client-key", settings.client.as_ref().map(|(_, key)| key));
    writer.text("forwarded-for", settings.forwarded_for.as_str());
}

#[derive(Default)]
struct Writer(String);

impl Writer {
    fn table(&mut self, name: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.0 += &format!("{gap}[{name}]\n");
    }

    fn line(&mut self, key: &str, value: &str) {
        self.0 += &format!("{key} = {value}\n");
    }

    fn comment(&mut self, text: &str) {
        self.0 += &format!("# {text}\n");
    }

    fn text(&mut self, key: &str, value: impl Display) {
        self.line(key, &quoted(&value.to_string()));
    }

    fn entry(&mut self, key: &str, entry: &Entry<impl Display>) {
        if let Some(found) = entry {
            self.text(key, &found.value);
        }
    }

    fn file(&mut self, key: &str, file: Option<&PathBuf>) {
        if let Some(path) = file {
            self.text(key, path.display());
        }
    }

    fn list(&mut self, key: &str, entries: Option<&Located<Vec<Located<impl Display>>>>) {
        if let Some(entries) = entries {
            self.texts(key, entries.value.iter().map(|entry| &entry.value));
        }
    }

    fn texts(&mut self, key: &str, texts: impl Iterator<Item = impl Display>) {
        let texts: Vec<String> = texts.map(|text| quoted(&text.to_string())).collect();
        self.line(key, &format!("[{}]", texts.join(", ")));
    }
}

/// A basic string of TOML, whose escapes are those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(&*redact::without_keys(text)).to_string()
}
