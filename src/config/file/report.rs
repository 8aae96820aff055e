//! All problems of a file in one report: for each the line with a mark, the rule and the cure.

use super::problem::{Problem, Rule};
use super::source::Source;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;

/// The most problems that are shown; the others are counted.
const MAX_SHOWN: usize = 50;

/// The problems of a file. Its `Display` is the report for the operator, which holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Report {
    text: String,
    places: Vec<Finding>,
    errors: usize,
    warnings: usize,
}

/// A problem in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line, from 1. `None`: the problem is one of the whole file.
    pub line: Option<usize>,
    /// The column of the first character, from 1.
    pub column: Option<usize>,
    /// The rule that the file breaks.
    pub rule: Rule,
    /// What is there, and what must be.
    pub text: String,
}

/// `12:5: bad-value: ...`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        }
        write!(f, "{}: {}", self.rule.as_str(), self.text)
    }
}

impl Report {
    pub(super) fn new(file: &str, source: &Source<'_>, problems: &[Problem]) -> Self {
        let warnings = problems.iter().filter(|problem| problem.rule.is_warning()).count();
        let errors = problems.len() - warnings;
        // Errors come first where not all are shown.
        let mut shown: Vec<&Problem> = problems.iter().collect();
        if shown.len() > MAX_SHOWN {
            shown.sort_by_key(|problem| problem.rule.is_warning());
            shown.truncate(MAX_SHOWN);
        }
        let renderer = Renderer::plain();
        let mut text: String = shown
            .iter()
            .map(|problem| renderer.render(&[group(file, source, problem)]).to_string() + "\n\n")
            .collect();
        text += &summary(file, errors, warnings, problems.len() - shown.len());
        let places = shown.into_iter().map(|problem| finding(source, problem)).collect();
        Self { text, places, errors, warnings }
    }

    /// The number of problems for which the file cannot be used.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// The number of problems with which the file can be used.
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// The problems, each in one line; of many the first ones.
    pub fn findings(&self) -> &[Finding] {
        &self.places
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn group<'p>(file: &'p str, source: &Source<'_>, problem: &'p Problem) -> Group<'p> {
    let level = if problem.rule.is_warning() { Level::WARNING } else { Level::ERROR };
    let what = match &problem.at {
        Some(_) => problem.what.clone(),
        None => format!("{file} {}", problem.what),
    };
    let mut group = Group::with_title(level.primary_title(what).id(problem.rule.as_str()));
    if let Some(at) = &problem.at {
        let line = source.line(at);
        let mark = AnnotationKind::Primary.span(line.mark).label(problem.must.as_str());
        group = group.element(Snippet::source(line.text).path(file).line_start(line.number).annotation(mark));
    }
    match &problem.cure {
        Some(cure) => group.element(Level::HELP.message(cure.as_str())),
        None => group,
    }
}

fn summary(file: &str, errors: usize, warnings: usize, unseen: usize) -> String {
    let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let mut counts = Vec::new();
    if errors > 0 {
        counts.push(counted(errors, "error"));
    }
    if warnings > 0 {
        counts.push(counted(warnings, "warning"));
    }
    let unseen = match unseen {
        0 => String::new(),
        unseen => format!(", of which {unseen} are not shown"),
    };
    match (counts.as_slice(), errors) {
        ([], _) => String::new(),
        (counts, 0) => format!("{file} can be used, with {}{unseen}\n", counts.join(" and ")),
        (counts, _) => format!("{file} cannot be used: {}{unseen}\n", counts.join(" and ")),
    }
}

fn finding(source: &Source<'_>, problem: &Problem) -> Finding {
    let line = problem.at.as_ref().map(|at| source.line(at));
    let text = match problem.must.as_str() {
        "" => problem.what.clone(),
        must => format!("{}, {must}", problem.what),
    };
    Finding {
        line: line.as_ref().map(|line| line.number),
        column: line.as_ref().map(|line| line.column),
        rule: problem.rule,
        text,
    }
}
