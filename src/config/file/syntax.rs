//! The syntax of the file: every error from which the parser recovers.

use super::problem::{Findings, Problem, Rule};
use super::source::{Place, Source};
use std::collections::BTreeSet;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

/// What the parser says of a key or a table that stands twice.
const DUPLICATE: &str = "duplicate key";

/// The tables of the text, as far as they can be read, with the places of their keys and values.
pub(super) fn read<'t>(source: &mut Source<'t>, findings: &mut Findings) -> Spanned<DeTable<'t>> {
    let (table, mut errors) = DeTable::parse_recoverable(source.text);
    source.note_secrets(table.get_ref());
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    let mut read = BTreeSet::new();
    note_keys(source, table.get_ref(), &mut read);
    let mut lines = BTreeSet::new();
    let mut in_array = false;
    for error in errors {
        let at = error.span().unwrap_or_default();
        // What follows from an array that has no end is no mistake of its own.
        let follows = in_array && (error.message().contains("in array") || is_between_elements(&error));
        in_array |= is_between_elements(&error);
        let line = source.line_number(at.start);
        if follows || source.is_within_pem(at.start) || !lines.insert(line) {
            continue;
        }
        let is_duplicate = error.message() == DUPLICATE;
        let is_whole = if is_duplicate {
            !is_header(source, at.start)
        } else {
            read.contains(&line) && !swallows(&error)
        };
        let problem = if is_duplicate {
            duplicate(source, table.get_ref(), at.start..at.end)
        } else {
            problem(source, &error)
        };
        if is_whole { findings.add(problem) } else { findings.add_unreadable_part(problem) }
    }
    table
}

/// Notes the lines of keys that have a value.
fn note_keys(source: &Source<'_>, table: &DeTable<'_>, lines: &mut BTreeSet<usize>) {
    for (key, value) in table {
        match value.get_ref() {
            DeValue::Table(inner) => note_keys(source, inner, lines),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => {
                lines.insert(source.line_number(key.span().start));
            }
        }
    }
}

/// Whether what follows the error may have been taken for a part of the same value.
fn swallows(error: &Error) -> bool {
    ["array", "unclosed", "inline table", "multi-line"].iter().any(|word| error.message().contains(word))
}

fn is_between_elements(error: &Error) -> bool {
    error.message().contains("between array elements")
}

fn duplicate(source: &Source<'_>, table: &DeTable<'_>, at: Place) -> Problem {
    let problem = Problem::new(Rule::DuplicateKey, &at, "this stands twice", "must stand once");
    if is_header(source, at.start) {
        return problem.cure("join both tables, or give one of them another name");
    }
    let key = &source.text[at.clone()];
    match last_before(table, key.trim_matches(['"', '\'']), at.start) {
        Some(first) => problem.cure(format!("the first stands in line {}", source.line_number(first))),
        None => problem,
    }
}

/// Where a key stands last before a place. In between is nothing but its own table.
fn last_before(table: &DeTable<'_>, key: &str, at: usize) -> Option<usize> {
    let own = table.keys().filter(|known| known.get_ref() == key).map(|known| known.span().start);
    let inner = table.values().filter_map(|value| last_before(value.get_ref().as_table()?, key, at));
    own.chain(inner).filter(|start| *start < at).max()
}

/// Whether the line of a place begins a table.
fn is_header(source: &Source<'_>, at: usize) -> bool {
    source.line(&(at..at)).text.trim_start().starts_with('[')
}

fn problem(source: &Source<'_>, error: &Error) -> Problem {
    let at = error.span().unwrap_or_default();
    let line = source.line(&at);
    // The parser knows that no quotes were meant, and not which.
    let message = error.message().trim_end_matches(", expected literal string");
    let problem = Problem::new(Rule::Syntax, &at, "this is no TOML", message);
    if line.text.contains("-----BEGIN") {
        return problem.cure("this is a key or a certificate itself: give the path of its file");
    }
    if error.message().contains("quoted") {
        return problem.cure("write the value in quotes, \"...\"; numbers and true and false go without");
    }
    problem
}
