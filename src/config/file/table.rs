//! Reads one table of the file, key by key. Every key is read even when an earlier one is invalid.

use super::problem::{Findings, Problem, Rule};
use super::source::{Located, Place};
use crate::config::file_keys::{Form, Key, Section};
use crate::config::nearest::nearest;
use crate::config::problems::Fault;
use crate::redact;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One table of the file: `[defaults]`, or one such as `[routes.claude]`.
pub(super) struct Table<'t> {
    /// As it stands in the file: `[routes.claude]`.
    pub(super) shown: String,
    /// Where it begins.
    pub(super) at: Place,
    section: &'static Section,
    values: &'t DeTable<'t>,
}

impl<'t> Table<'t> {
    /// The table of a value. Records a problem if the value is no table, and one for each key that the section does not have.
    pub(super) fn new(
        section: &'static Section,
        shown: String,
        value: &'t Spanned<DeValue<'t>>,
        findings: &mut Findings,
    ) -> Option<Self> {
        let at = value.span();
        let Some(values) = value.get_ref().as_table() else {
            let what = format!("{shown} is {}, and no table", kind(value.get_ref()));
            findings.add(Problem::new(Rule::WrongType, &at, what, format!("must be a table, {shown}")));
            return None;
        };
        let table = Self { shown, at, section, values };
        for key in values.keys().filter(|key| section.key(key.get_ref()).is_none()) {
            let known = section.keys().map(|key| key.name);
            findings.add(unknown_key(&table.shown, key.get_ref(), &key.span(), known));
        }
        Some(table)
    }

    /// The place of a key, if the table has it.
    pub(super) fn place_of(&self, key: &str) -> Option<Place> {
        self.values.get_key_value(key).map(|(key, _)| key.span())
    }

    /// The value of a key, if the table has it.
    pub(super) fn value(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.values.get(key)
    }

    /// Reads a text.
    pub(super) fn text<T>(
        &self,
        key: &'static str,
        findings: &mut Findings,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<Located<T>> {
        let value = self.values.get(key)?;
        let subject = self.subject(key);
        one_text(&subject, self.declared(key).form, value, findings, parse)
    }

    /// Reads a list of texts, or one text where the key takes that. Returns `None` if the key is absent or the list is empty.
    pub(super) fn list<T>(
        &self,
        key: &'static str,
        findings: &mut Findings,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<Located<Vec<Located<T>>>> {
        let value = self.values.get(key)?;
        let (subject, form, at) = (self.subject(key), self.declared(key).form, value.span());
        let entries = match value.get_ref().as_array() {
            Some(entries) => entries,
            None if form == Form::TextOrList => std::slice::from_ref(value),
            None => {
                let what = format!("{subject} is {}", kind(value.get_ref()));
                let problem = Problem::new(Rule::WrongType, &at, what, "must be a list of texts");
                findings.add(match value.get_ref().as_str() {
                    Some(text) => problem.cure(format!("[\"{}\"]", shown_bare(text))),
                    None => problem,
                });
                return None;
            }
        };
        if entries.is_empty() {
            let what = format!("{subject} is an empty list");
            findings
                .add(Problem::new(Rule::BadValue, &at, what, "must have an entry").cure("leave the key out"));
            return None;
        }
        let read = |entry| one_text(&subject, Form::Text, entry, findings, &parse);
        let value = entries.iter().filter_map(read).collect();
        Some(Located { value, at })
    }

    /// Reads `true` or `false`.
    pub(super) fn boolean(&self, key: &'static str, findings: &mut Findings) -> Option<Located<bool>> {
        let value = self.values.get(key)?;
        if let Some(boolean) = value.get_ref().as_bool() {
            return Some(Located { value: boolean, at: value.span() });
        }
        let what = format!("{} is {}", self.subject(key), kind(value.get_ref()));
        let must = "must be true or false, without quotes";
        findings.add(Problem::new(Rule::WrongType, &value.span(), what, must));
        None
    }

    /// Records that a key is not there, unless a part of the file could not be read.
    pub(super) fn lacks(&self, what: &str, must: &str, findings: &mut Findings) {
        let what = format!("{} {what}", self.shown);
        findings.add_absence(Problem::new(Rule::MissingKey, &self.at, what, must));
    }

    /// Records that the first of two keys is nothing without the other.
    pub(super) fn needs(&self, key: &str, other: &str, findings: &mut Findings) {
        if let (Some(at), None) = (self.place_of(key), self.place_of(other)) {
            let what = format!("{} has {key} without {other}", self.shown);
            let must = format!("must stand together with {other}");
            findings.add_absence(Problem::new(Rule::Conflict, &at, what, must));
        }
    }

    /// Records that two keys must not stand together; the mark is under the second.
    pub(super) fn excludes(&self, key: &str, other: &str, cure: &str, findings: &mut Findings) {
        if let (Some(_), Some(at)) = (self.place_of(key), self.place_of(other)) {
            let what = format!("{} has both {key} and {other}", self.shown);
            let must = format!("must not stand beside {key}");
            findings.add(Problem::new(Rule::Conflict, &at, what, must).cure(cure));
        }
    }

    /// The key and its table, for the beginning of a sentence.
    pub(super) fn subject(&self, key: &str) -> String {
        format!("{key} of {}", self.shown)
    }

    fn declared(&self, key: &'static str) -> &'static Key {
        self.section.key(key).expect("each key that is read is in the table of keys")
    }
}

fn one_text<T>(
    subject: &str,
    form: Form,
    value: &Spanned<DeValue<'_>>,
    findings: &mut Findings,
    parse: impl FnOnce(&str) -> Result<T, Fault>,
) -> Option<Located<T>> {
    let at = value.span();
    let DeValue::String(text) = value.get_ref() else {
        let what = format!("{subject} is {}", kind(value.get_ref()));
        let problem = Problem::new(Rule::WrongType, &at, what, must_be(form));
        findings.add(match (form, value.get_ref()) {
            (Form::Duration, DeValue::Integer(number)) => {
                problem.cure(format!("for that many seconds write \"{}s\"", shown_bare(number.as_str())))
            }
            _ => problem,
        });
        return None;
    };
    match parse(text) {
        Ok(value) => Some(Located { value, at }),
        Err(fault) => {
            findings.add(Problem::of_value(subject, text, &at, &fault));
            None
        }
    }
}

/// The problem of a key that is in no table of this kind.
pub(super) fn unknown_key<'k>(
    table: &str,
    key: &str,
    at: &Place,
    known: impl Iterator<Item = &'k str> + Clone,
) -> Problem {
    let what = format!("{table} has no key {}", redact::shown(key));
    let problem = Problem::new(Rule::UnknownKey, at, what, "must be a known key");
    match nearest(key, known.clone(), 2) {
        Some(meant) => problem.cure(format!("{meant} is one")),
        None => problem.cure(format!("known are {}", known.collect::<Vec<_>>().join(", "))),
    }
}

fn must_be(form: Form) -> &'static str {
    match form {
        Form::Duration => "must be a duration in quotes, such as \"30s\"",
        Form::Text | Form::Choice(_) | Form::Boolean | Form::List | Form::TextOrList | Form::Exchange => {
            "must be a text in quotes"
        }
    }
}

/// The type of a value, as a noun.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A text for an example, if it holds nothing but what names and numbers have.
fn shown_bare(text: &str) -> &str {
    let is_plain =
        text.len() <= 60 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:*/".contains(&b));
    if is_plain && !redact::is_secret(text) { text } else { "..." }
}
