//! Finds each setting's value, flag before variable before default, and remembers what is wrong with it.

use super::environment::{Environment, PREFIX, StrayKind, variables_of};
use super::notices::Notice;
use super::parse;
use super::problems::{Fault, Origin, Problems, Source};
use super::surroundings;
use std::ffi::OsStr;
use std::time::Duration;

mod foreign;

/// Reads settings one by one. A reading that gives `None` or too little has left a problem behind.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    problems: Problems,
    notices: Vec<Notice>,
}

/// A value, and where it was found.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

/// What was found, without its origin.
pub(super) fn values<T>(found: Vec<Found<T>>) -> Vec<T> {
    found.into_iter().map(|found| found.value).collect()
}

/// What an empty variable of a repeatable setting means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EmptyList {
    CountsAsUnset,
    IsAnEmptyEntry,
}

impl<'a> Reader<'a> {
    /// A reader of these variables.
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self { environment, problems: Problems::default(), notices: Vec::new() }
    }

    /// Remembers the variables that look like settings and are none.
    pub(super) fn strays(&mut self) {
        for stray in self.environment.strays() {
            let name = stray.name;
            match stray.kind {
                StrayKind::MisspeltWithPrefix(meant) => {
                    self.problems
                        .add(&format!("{name} is no setting"), Fault::new(format!("must be {meant}")));
                }
                StrayKind::Unknown => self.notice(name, "it is no setting"),
                StrayKind::Misspelt(meant) => {
                    self.notice(name, format!("it is no setting; {meant} is one"));
                }
                StrayKind::LacksPrefix(meant) => {
                    self.notice(name, format!("the setting's variable is {meant}"));
                }
            }
        }
    }

    /// A setting that has a default. An empty variable is judged like any other value.
    pub(super) fn value<T>(
        &mut self,
        flag: &'static str,
        typed: Option<&str>,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<Found<T>> {
        let (source, text) = match typed {
            Some(text) => (Source::Flag, text.to_owned()),
            None => match self.variable(flag).ok()? {
                Some(found) => found,
                None => (Source::Default, default.to_owned()),
            },
        };
        self.parse(flag, source, &text, parse)
    }

    /// A setting about logs. Its variable without the prefix may belong to another program of a shared environment, so
    /// a value of it that neither `parse` nor `parse_foreign` understands is left out. An empty one is refused.
    pub(super) fn shared_value<T>(
        &mut self,
        flag: &'static str,
        typed: Option<&str>,
        default: &str,
        parse: fn(&str) -> Result<T, Fault>,
        parse_foreign: fn(&str) -> Option<T>,
    ) -> Option<T> {
        let shared = match typed {
            Some(_) => None,
            None => self.variable(flag).ok()?.and_then(|(source, text)| match source {
                Source::Variable(name) if !name.starts_with(PREFIX) && !text.is_empty() => Some((name, text)),
                Source::Variable(_) | Source::Flag | Source::Default | Source::Environment => None,
            }),
        };
        let Some((name, text)) = shared else {
            return self.value(flag, typed, default, parse).map(|found| found.value);
        };
        match parse(&text) {
            Ok(value) => Some(value),
            Err(fault) => parse_foreign(&text).or_else(|| {
                self.leave_out(&name, &text, fault);
                parse(default).ok()
            }),
        }
    }

    /// A setting that is off by default. An empty flag turns it off, whatever its variable says, and an empty variable counts
    /// as unset.
    pub(super) fn optional<T>(
        &mut self,
        flag: &'static str,
        typed: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<Found<T>> {
        let (source, text) = match typed {
            Some("") => return None,
            Some(text) => (Source::Flag, text.to_owned()),
            None => self.filled_variable(flag).ok()??,
        };
        self.parse(flag, source, &text, parse)
    }

    /// A repeatable setting, whose variable is a comma list. Each flag is one entry, commas and all.
    pub(super) fn list<T>(
        &mut self,
        flag: &'static str,
        typed: &[String],
        empty: EmptyList,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Vec<Found<T>> {
        let variable = match empty {
            _ if !typed.is_empty() => None,
            EmptyList::CountsAsUnset => self.filled_variable(flag).ok().flatten(),
            EmptyList::IsAnEmptyEntry => self.variable(flag).ok().flatten(),
        };
        match variable {
            Some((source, text)) => {
                let entries = text.split(',').map(str::trim);
                entries.filter_map(|entry| self.parse(flag, source.clone(), entry, &parse)).collect()
            }
            None => typed.iter().filter_map(|text| self.parse(flag, Source::Flag, text, &parse)).collect(),
        }
    }

    /// A duration above zero.
    pub(super) fn timeout(
        &mut self,
        flag: &'static str,
        typed: Option<&str>,
        default: &str,
    ) -> Option<Duration> {
        self.value(flag, typed, default, parse::positive_duration).map(|found| found.value)
    }

    /// Remembers that a variable is not used.
    pub(super) fn notice(&mut self, variable: &str, reason: impl Into<String>) {
        self.notices.push(Notice::new(variable, reason));
    }

    /// The flag, or the first of its variables where it is not given, if that is set to nothing.
    pub(super) fn set_to_nothing(&self, flag: &'static str, typed: Option<&str>) -> Option<String> {
        match typed {
            Some(text) => text.is_empty().then(|| format!("--{flag}")),
            None => {
                let set = variables_of(flag).find_map(|name| Some((self.environment.get(&name)?, name)));
                set.filter(|(value, _)| value.is_empty()).map(|(_, name)| name)
            }
        }
    }

    /// How many problems there are by now.
    pub(super) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// Remembers a rule that only several settings together can break.
    pub(super) fn refuse(&mut self, origin: &Origin, fault: Fault) {
        self.problems.add(origin, fault);
    }

    /// What was wrong, and what may be.
    pub(super) fn into_findings(self) -> (Problems, Vec<Notice>) {
        (self.problems, self.notices)
    }

    fn parse<T>(
        &mut self,
        flag: &'static str,
        source: Source,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<Found<T>> {
        let origin = Origin::new(flag, source, text);
        match parse(text) {
            Ok(value) => Some(Found { value, origin }),
            Err(fault) => {
                self.problems.add(&origin, hinted(fault, text));
                None
            }
        }
    }

    /// The first variable of the flag that is set.
    fn variable(&mut self, flag: &'static str) -> Result<Option<(Source, String)>, NotText> {
        self.variable_that(flag, |_| true)
    }

    /// The first variable of the flag that is set to something.
    fn filled_variable(&mut self, flag: &'static str) -> Result<Option<(Source, String)>, NotText> {
        self.variable_that(flag, |value| !value.is_empty())
    }

    fn variable_that(
        &mut self,
        flag: &'static str,
        counts: fn(&OsStr) -> bool,
    ) -> Result<Option<(Source, String)>, NotText> {
        let environment = self.environment;
        let found = variables_of(flag).find_map(|name| {
            let value = environment.get(&name).filter(|value| counts(value))?;
            Some((name, value))
        });
        let Some((name, value)) = found else {
            return Ok(None);
        };
        let source = Source::Variable(name);
        match value.into_string() {
            Ok(text) => Ok(Some((source, text))),
            Err(value) => {
                self.problems
                    .add(&Origin::new(flag, source, &value.to_string_lossy()), Fault::new(NOT_UTF_8));
                Err(NotText)
            }
        }
    }
}

/// What surrounds a value explains more than what else could be said of it.
fn hinted(fault: Fault, text: &str) -> Fault {
    match surroundings::remark(text) {
        Some(remark) => fault.hint(remark),
        None => fault,
    }
}

const NOT_UTF_8: &str = "must be UTF-8";

/// A variable is not UTF-8, and the report says so.
struct NotText;
