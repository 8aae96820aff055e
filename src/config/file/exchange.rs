//! Reads `[credentials.NAME.exchange]`.

use super::problem::{Findings, Problem, Rule};
use super::source::{Located, Place};
use super::table::{kind, unknown_key};
use crate::config::exchange::expand;
use crate::config::exchange::expanded::Expanded;
use crate::config::exchange::keys::{KeyProblem, KeyValue, Keys, Wrong};
use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// An exchange as it stands in the file, and what it does.
pub(super) struct ExchangeTable {
    pub(super) keys: Keys,
    pub(super) expanded: Expanded,
}

/// Reads the exchange of this credential. `shown` is the table as it stands in the file.
pub(super) fn read(
    credential: &str,
    shown: &str,
    value: &Spanned<DeValue<'_>>,
    findings: &mut Findings,
) -> Option<Located<ExchangeTable>> {
    let at = value.span();
    let Some(table) = value.get_ref().as_table() else {
        let what = format!("{shown} is {}, and no table", kind(value.get_ref()));
        findings.add(Problem::new(Rule::WrongType, &at, what, format!("must be a table, {shown}")));
        return None;
    };
    let keys = keys(table);
    match expand(credential, &keys) {
        Ok(expanded) => Some(Located { value: ExchangeTable { keys, expanded }, at }),
        Err(problems) => {
            for problem in problems {
                note(&problem, (table, &at), shown, findings);
            }
            None
        }
    }
}

fn keys(table: &DeTable<'_>) -> Keys {
    table.iter().map(|(key, value)| (key.get_ref().to_string(), key_value(value.get_ref()))).collect()
}

fn key_value(value: &DeValue<'_>) -> KeyValue {
    match value {
        DeValue::String(text) => KeyValue::Text(text.to_string()),
        DeValue::Boolean(flag) => KeyValue::Flag(*flag),
        DeValue::Table(table) => KeyValue::Table(keys(table)),
        DeValue::Array(entries) => {
            let texts = entries.iter().map(|entry| entry.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().map_or(KeyValue::Other, KeyValue::List)
        }
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => KeyValue::Other,
    }
}

/// Records a problem at the place of its key.
fn note(problem: &KeyProblem, (table, at): (&DeTable<'_>, &Place), shown: &str, findings: &mut Findings) {
    let found = find(table, &problem.key);
    match (&problem.problem, found) {
        (Wrong::Unknown { known }, Some((key, _))) => {
            let name = key.get_ref();
            findings.add(unknown_key(shown, name, &key.span(), known.iter().copied()));
        }
        (Wrong::Value(fault), Some((_, value))) => {
            let subject = format!("{} of {shown}", problem.key);
            findings.add(match value.get_ref().as_str() {
                Some(text) => Problem::of_value(&subject, text, &value.span(), fault),
                None => {
                    let what = format!("{subject} is {}", kind(value.get_ref()));
                    Problem::new(Rule::BadValue, &value.span(), what, fault.rule())
                }
            });
        }
        (Wrong::Missing | Wrong::Unknown { .. }, _) => {
            let what = format!("{shown} has no {}", problem.key);
            findings.add_absence(Problem::new(
                Rule::MissingKey,
                at,
                what,
                format!("must have {}", problem.key),
            ));
        }
        (Wrong::Value(fault), None) => {
            let what = format!("{} of {shown} is not there", problem.key);
            findings.add(Problem::new(Rule::BadValue, at, what, fault.rule()));
        }
    }
}

/// A key and its value.
type Entry<'t> = (&'t Spanned<Cow<'t, str>>, &'t Spanned<DeValue<'t>>);

/// The entry of a key such as `then.headers.x-tenant`. Names of headers may have dots of their own.
fn find<'t>(table: &'t DeTable<'t>, key: &str) -> Option<Entry<'t>> {
    if let Some(found) = table.get_key_value(key) {
        return Some(found);
    }
    key.match_indices('.').find_map(|(dot, _)| {
        let below = table.get(&key[..dot])?.get_ref().as_table()?;
        find(below, &key[dot + 1..])
    })
}
