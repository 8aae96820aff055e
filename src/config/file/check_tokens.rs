//! Judges the keys of tokens together, as STS and the flags do: audiences, lifetimes and tags.

use super::document::{Document, TokenKeys};
use super::problem::{Findings, Problem, Rule};
use super::settled;
use super::source::{Located, Source};
use crate::config::duration::Shown;
use crate::config::parse::{self, MAX_TAGS};
use std::collections::BTreeSet;

pub(super) fn check(document: &Document, source: &Source<'_>, findings: &mut Findings) {
    let none = TokenKeys::default();
    token("[defaults]", "token-", [&document.defaults.token, &none], source, findings);
    for credential in &document.credentials {
        let shown = format!("[credentials.{}]", credential.name.shown());
        token(&shown, "", [&credential.token, &document.defaults.token], source, findings);
        if let Some(audiences) = &credential.audiences {
            let names = audiences.value.iter().map(|audience| audience.value.clone()).collect::<Vec<_>>();
            let count = names.len();
            if let Err(fault) = parse::audience_set(names)
                && count == audiences.value.len()
                && count > 0
            {
                let what = format!("audience of {shown} is {count} audiences");
                findings.add(Problem::new(Rule::BadValue, &audiences.at, what, fault.rule()));
            }
        }
    }
}

/// Judges the keys of the first of two tables, with those of the second as defaults.
fn token(
    shown: &str,
    prefix: &str,
    [keys, defaults]: [&TokenKeys; 2],
    source: &Source<'_>,
    findings: &mut Findings,
) {
    let life = settled::lifetime(keys, defaults);
    let place = keys.refresh_skew.as_ref().or(keys.duration.as_ref()).map(|found| &found.at);
    if let Some(at) = place
        && life.refresh_skew >= life.duration
    {
        let what = format!("{prefix}refresh-skew of {shown} is {}", Shown(life.refresh_skew));
        let must = format!("must be below the token's duration, which is {}", Shown(life.duration));
        findings.add(Problem::new(Rule::BadValue, at, what, must));
    }
    if let Some(tags) = &keys.tags {
        self::tags(&format!("{prefix}tags of {shown}"), tags, source, findings);
    }
}

fn tags(
    subject: &str,
    tags: &Located<Vec<Located<(String, String)>>>,
    source: &Source<'_>,
    findings: &mut Findings,
) {
    if tags.value.len() > MAX_TAGS {
        let what = format!("{subject} is {} tags", tags.value.len());
        findings.add(Problem::new(Rule::BadValue, &tags.at, what, format!("must be at most {MAX_TAGS}")));
    }
    let mut keys = BTreeSet::new();
    for tag in &tags.value {
        if !keys.insert(&tag.value.0) {
            let what = format!("{subject} repeats a key in line {}", source.line_number(tag.at.start));
            findings.add(Problem::new(Rule::BadValue, &tag.at, what, "must not repeat a key"));
        }
    }
}
