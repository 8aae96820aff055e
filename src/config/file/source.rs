//! The text of the file: where a place of it is, and how a line of it is shown without the secrets in it.

use crate::redact;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Longer values are not shown: they are no names, and may be tokens.
const MAX_SHOWN_CHARS: usize = 200;
const PEM_BEGIN: &str = "-----BEGIN ";
const PEM_END: &str = "-----END ";

/// A place in the file, as bytes of its text.
pub(super) type Place = Range<usize>;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) at: Place,
}

/// The text of the file.
pub(super) struct Source<'t> {
    pub(super) text: &'t str,
    /// Where each line begins.
    lines: Vec<usize>,
    /// The bodies of keys and certificates.
    pem: Vec<Place>,
    /// Values that are not shown.
    secrets: Vec<Place>,
}

/// A line without its end, fit to be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ShownLine {
    pub(super) number: usize,
    /// The column of the marked part, counted in characters from 1.
    pub(super) column: usize,
    pub(super) text: String,
    pub(super) mark: Place,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let lines = [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, lines, pem: pem(text), secrets: Vec::new() }
    }

    /// Notes the values of the table that are not to be shown.
    pub(super) fn note_secrets(&mut self, table: &DeTable<'_>) {
        for value in table.values() {
            self.note_secret(value);
        }
    }

    fn note_secret(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::String(text) => {
                let is_long = text.chars().count() > MAX_SHOWN_CHARS;
                if is_long || redact::is_file_content(text) || redact::is_secret(text) {
                    self.secrets.push(value.span());
                }
            }
            DeValue::Array(values) => values.iter().for_each(|value| self.note_secret(value)),
            DeValue::Table(table) => table.values().for_each(|value| self.note_secret(value)),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
    }

    /// Whether the place lies within the lines of a key or a certificate.
    pub(super) fn is_within_pem(&self, at: usize) -> bool {
        self.pem.iter().any(|pem| pem.contains(&at))
    }

    /// The number of the line that a place begins in, from 1.
    pub(super) fn line_number(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).max(1)
    }

    /// The line that the place begins in, with the part of the place that is in this line.
    pub(super) fn line(&self, at: &Place) -> ShownLine {
        let number = self.line_number(at.start);
        let begin = self.lines[number - 1];
        let line = self.text[begin..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let end = begin + line.len();
        let within = |place: usize| floor(line, place.clamp(begin, end) - begin);
        let mark = within(at.start)..within(at.end.max(at.start));
        let secret = self.secret_in(line, begin);
        let masked = |(at, c): (usize, char)| match c {
            _ if secret.contains(&at) => '*',
            '\t' => ' ',
            // One character for each, so that columns stay.
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        };
        let shown = |part: &str, from: usize| -> String {
            part.char_indices().map(|(at, c)| masked((from + at, c))).collect()
        };
        let before = shown(&line[..mark.start], 0);
        let marked = shown(&line[mark.clone()], mark.start);
        let after = shown(&line[mark.end..], mark.end);
        ShownLine {
            number,
            column: before.chars().count() + 1,
            mark: before.len()..before.len() + marked.len(),
            text: before + &marked + &after,
        }
    }

    /// The part of a line from its first secret to its last one.
    fn secret_in(&self, line: &str, begin: usize) -> Place {
        let end = begin + line.len();
        let noted =
            self.pem.iter().chain(&self.secrets).filter(|secret| secret.start < end && begin < secret.end);
        let noted = noted.map(|secret| secret.start.max(begin) - begin..secret.end.min(end) - begin);
        let clean = redact::without_secrets(line);
        noted.chain(difference(line, &clean)).reduce(hull).unwrap_or(0..0)
    }
}

fn hull(one: Place, other: Place) -> Place {
    one.start.min(other.start)..one.end.max(other.end)
}

/// The part of a line that is not the same in its clean form.
fn difference(line: &str, clean: &str) -> Option<Place> {
    if line == clean {
        return None;
    }
    let same = |pair: &(u8, u8)| pair.0 == pair.1;
    let start = line.bytes().zip(clean.bytes()).take_while(same).count();
    let most = line.len().min(clean.len()) - start;
    let end = line.bytes().rev().zip(clean.bytes().rev()).take_while(same).count().min(most);
    Some(floor(line, start)..line.len() - end)
}

/// The nearest boundary of a character at or before `at`.
fn floor(line: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0)
}

/// The bodies of the keys and certificates in a text.
fn pem(text: &str) -> Vec<Place> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(begin) = text[rest..].find(PEM_BEGIN).map(|at| rest + at + PEM_BEGIN.len()) {
        let end = text[begin..].find(PEM_END).map_or(text.len(), |at| begin + at);
        // What the first line says is no secret.
        let body = text[begin..end].find("-----").map_or(begin, |at| begin + at + "-----".len());
        found.push(body..end);
        rest = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, at: Place) -> ShownLine {
        let (table, _) = DeTable::parse_recoverable(text);
        let mut source = Source::new(text);
        source.note_secrets(table.get_ref());
        source.line(&at)
    }

    fn marked(text: &str, part: &str) -> (usize, usize, String) {
        let start = text.find(part).unwrap();
        let line = shown(text, start..start + part.len());
        (line.number, line.column, line.text[line.mark].to_owned())
    }

    #[test]
    fn a_place_has_a_line_and_a_column_in_characters() {
        assert_eq!(marked("a = 1\nb = 2\n", "2"), (2, 5, "2".to_owned()));
        assert_eq!(marked("a = 1\r\nb = 2\r\n", "2"), (2, 5, "2".to_owned()));
        assert_eq!(marked("\"\u{e9}\u{e9}\" = 2", "2"), (1, 8, "2".to_owned()));
        let end = shown("a = 1\n", 6..6);
        assert_eq!((end.number, end.column, end.text.as_str()), (2, 1, ""));
        let end = shown("", 0..0);
        assert_eq!((end.number, end.column, end.text.as_str()), (1, 1, ""));
    }

    #[test]
    fn a_place_of_several_lines_is_marked_in_its_first_line() {
        let line = shown("a = [\n 1,\n]\n", 4..11);
        assert_eq!((line.text.as_str(), line.mark), ("a = [", 4..5));
    }

    #[test]
    fn secrets_of_a_line_are_masked_and_its_columns_stay() {
        let url = "upstream = \"https://me:hunter2@a.example\" # x";
        let line = shown(url, 11..42);
        assert!(!line.text.contains("hunter2") && line.text.ends_with("@a.example\" # x"), "{}", line.text);
        assert_eq!((line.column, line.text.len()), (12, url.len()));
        for text in [
            format!("key = \"{}\"", "a1B".repeat(20)),
            format!("key = '{}'", "x".repeat(201)),
            "api-key = 'hunter2x'".to_owned(),
            "key = \"eyJhbGciOiJSUzI1NiJ9.e30.c2ln\"".to_owned(),
        ] {
            let line = shown(&text, 0..3);
            assert!(line.text.contains("***") && line.text.len() == text.len(), "{}", line.text);
        }
    }

    #[test]
    fn the_lines_of_a_key_are_masked_also_where_they_are_no_value() {
        let key = "-----BEGIN PRIVATE KEY-----\nshort\nMIIE\n-----END PRIVATE KEY-----";
        for text in [format!("tls-key = {key}\n"), format!("tls-key = \"\"\"\n{key}\"\"\"\n"), key.to_owned()]
        {
            for part in ["short", "MIIE"] {
                let (_, _, shown) = marked(&text, part);
                assert_eq!(shown, "*".repeat(part.len()), "{text}");
            }
        }
    }
}
