//! What can be wrong with the file, one problem after the other.

use super::source::{Place, Source};
use crate::config::problems::Fault;
use crate::config::surroundings;
use crate::redact;
use std::collections::BTreeSet;

/// The rule that the file breaks. Its name is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The file cannot be read, or is not UTF-8.
    Unreadable,
    /// The text is no TOML.
    Syntax,
    /// A key or a table stands twice.
    DuplicateKey,
    /// No table has this key.
    UnknownKey,
    /// The value has another type.
    WrongType,
    /// A name has characters that names do not have.
    BadName,
    /// The value breaks the rule of its key.
    BadValue,
    /// A key is absent that must be there.
    MissingKey,
    /// Two keys exclude each other, or one is nothing without the other.
    Conflict,
    /// A route names a listener or a credential that is not there.
    UnknownName,
    /// Two routes take the same requests.
    Tie,
    /// Two listeners need the same address.
    SameAddress,
    /// A listener without a route, or a credential that no route names.
    Unused,
    /// Callers may name any upstream.
    OpenPolicy,
}

impl Rule {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Syntax => "syntax",
            Self::DuplicateKey => "duplicate-key",
            Self::UnknownKey => "unknown-key",
            Self::WrongType => "wrong-type",
            Self::BadName => "bad-name",
            Self::BadValue => "bad-value",
            Self::MissingKey => "missing-key",
            Self::Conflict => "conflict",
            Self::UnknownName => "unknown-name",
            Self::Tie => "tie",
            Self::SameAddress => "same-address",
            Self::Unused => "unused",
            Self::OpenPolicy => "open-policy",
        }
    }

    /// Whether the file can be used all the same.
    pub fn is_warning(self) -> bool {
        matches!(self, Self::Unused | Self::OpenPolicy)
    }
}

/// One problem of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) rule: Rule,
    /// `None` for the file as a whole.
    pub(super) at: Option<Place>,
    /// What is there, without secrets.
    pub(super) what: String,
    /// What must be there, for the mark under the place.
    pub(super) must: String,
    /// What to do, where the rule does not say it.
    pub(super) cure: Option<String>,
}

impl Problem {
    pub(super) fn new(rule: Rule, at: &Place, what: impl Into<String>, must: impl Into<String>) -> Self {
        Self { rule, at: Some(at.clone()), what: what.into(), must: must.into(), cure: None }
    }

    /// A problem of the whole file. `what` follows the name of the file.
    pub(super) fn of_file(rule: Rule, what: impl Into<String>) -> Self {
        Self { rule, at: None, what: what.into(), must: String::new(), cure: None }
    }

    pub(super) fn cure(self, cure: impl Into<String>) -> Self {
        Self { cure: Some(cure.into()), ..self }
    }

    /// The problem of a value that its parser refuses. `subject` names the key and its table.
    pub(super) fn of_value(subject: &str, text: &str, at: &Place, fault: &Fault) -> Self {
        let what = format!("{subject} is {}", redact::shown(text));
        let problem = Self::new(Rule::BadValue, at, what, fault.rule());
        match surroundings::remark(text).filter(|_| !text.starts_with(['"', '\''])).or(fault.cure()) {
            Some(cure) => problem.cure(cure),
            None => problem,
        }
    }
}

/// The problems that were found so far.
#[derive(Default)]
pub(super) struct Findings {
    problems: Vec<Problem>,
    /// Whether a part of the file could not be read, so that what seems to be absent may be there.
    is_partial: bool,
}

impl Findings {
    pub(super) fn add(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Adds a problem of the text itself.
    pub(super) fn add_unreadable_part(&mut self, problem: Problem) {
        self.is_partial = true;
        self.problems.push(problem);
    }

    /// Adds the problem of something that is absent, unless a part of the file could not be read.
    pub(super) fn add_absence(&mut self, problem: Problem) {
        if !self.is_partial {
            self.problems.push(problem);
        }
    }

    /// The problems in the order of the file. A line that is no TOML has no other problem than that.
    pub(super) fn into_problems(self, source: &Source<'_>) -> Vec<Problem> {
        let line = |problem: &Problem| problem.at.as_ref().map(|at| source.line_number(at.start));
        let of_text =
            |problem: &&Problem| matches!(problem.rule, Rule::Unreadable | Rule::Syntax | Rule::DuplicateKey);
        let broken: BTreeSet<_> = self.problems.iter().filter(of_text).map(line).collect();
        let mut problems: Vec<Problem> = self.problems;
        problems.retain(|problem| of_text(&problem) || !broken.contains(&line(problem)));
        problems.sort_by_key(|problem| (problem.at.as_ref().map(|at| at.start), problem.rule));
        problems
    }
}
