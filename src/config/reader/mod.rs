//! Finds each setting's value: from its flag, its variable or its default, in this order. Records the problems of values.

use super::environment::Environment;
use super::notices::Notice;
use super::parse;
use super::problems::{Fault, Origin, Problems, Source};
use super::strays::{StrayKind, strays};
use super::surroundings;
use super::variable_names::{PREFIX, variables_of};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::time::Duration;

/// Variables that are not attache's own.
mod foreign;
/// The configuration file, and what must not stand beside it.
mod file;

/// Reads settings one by one, and records a problem for each invalid value.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    problems: Problems,
    notices: Vec<Notice>,
    /// The configuration file, if one is named, and the flags that were refused beside it.
    file: Option<(Origin, BTreeSet<&'static str>)>,
}

/// A value and its origin.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

/// The values without their origins.
pub(super) fn values<T>(found: Vec<Found<T>>) -> Vec<T> {
    found.into_iter().map(|found| found.value).collect()
}

/// The meaning of an empty variable of a repeatable setting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EmptyList {
    CountsAsUnset,
    IsAnEmptyEntry,
}

impl<'a> Reader<'a> {
    /// A reader of these variables.
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self { environment, problems: Problems::default(), notices: Vec::new(), file: None }
    }

    /// Records the variables that look like settings and are none.
    pub(super) fn strays(&mut self) {
        for stray in strays(self.environment) {
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

    /// Reads a setting that has a default. An empty variable is parsed like any other value.
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

    /// Reads a setting of logs. Its variable without the prefix may belong to another program of a shared environment, so a value
    /// that neither `parse` nor `parse_foreign` accepts, or that is not UTF-8, is ignored with a notice. An empty variable is a
    /// problem.
    pub(super) fn shared_value<T>(
        &mut self,
        flag: &'static str,
        typed: Option<&str>,
        default: &str,
        parse: fn(&str) -> Result<T, Fault>,
        parse_foreign: fn(&str) -> Option<T>,
    ) -> Option<T> {
        if typed.is_none() && self.leave_out_if_not_utf8(flag) {
            return parse(default).ok();
        }
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

    /// Whether the variable of this flag belongs to a shared environment and is not UTF-8. Records a notice then.
    fn leave_out_if_not_utf8(&mut self, flag: &'static str) -> bool {
        let environment = self.environment;
        let set = variables_of(flag).find_map(|name| Some((environment.get(&name)?, name)));
        let unreadable = set.filter(|(value, name)| value.to_str().is_none() && !name.starts_with(PREFIX));
        if let Some((_, name)) = &unreadable {
            self.notice(name, format!("its value {NOT_UTF_8}"));
        }
        unreadable.is_some()
    }

    /// Reads a setting without a default. An empty flag unsets it, whatever the value of its variable, and an empty variable
    /// counts as unset.
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

    /// Reads a repeatable setting. Its variable is a comma-separated list; each flag is one entry, even if it has commas.
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

    /// Reads a setting that is a duration above zero.
    pub(super) fn timeout(
        &mut self,
        flag: &'static str,
        typed: Option<&str>,
        default: &str,
    ) -> Option<Duration> {
        self.value(flag, typed, default, parse::positive_duration).map(|found| found.value)
    }

    /// Records that a variable is not used.
    pub(super) fn notice(&mut self, variable: &str, reason: impl Into<String>) {
        self.notices.push(Notice::new(variable, reason));
    }

    /// The flag if it is empty; or, where it is not given, its first variable that is set, if that is empty.
    pub(super) fn set_to_nothing(&self, flag: &'static str, typed: Option<&str>) -> Option<String> {
        match typed {
            Some(text) => text.is_empty().then(|| format!("--{flag}")),
            None => {
                let set = variables_of(flag).find_map(|name| Some((self.environment.get(&name)?, name)));
                set.filter(|(value, _)| value.is_empty()).map(|(_, name)| name)
            }
        }
    }

    /// The number of problems recorded so far.
    pub(super) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// Records a problem of several settings together.
    pub(super) fn refuse(&mut self, origin: &Origin, fault: Fault) {
        self.problems.add(origin, fault);
    }

    /// The recorded problems and notices.
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
        let is_given = matches!(source, Source::Flag | Source::Variable(_));
        let origin = Origin::new(flag, source, text);
        if is_given && self.refuse_beside_file(flag, &origin) {
            return None;
        }
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

    /// The first variable of the flag that is set and not empty.
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

/// Replaces the fault's hint if the value has quotes or blanks around it, because those are the likely cause.
fn hinted(fault: Fault, text: &str) -> Fault {
    match surroundings::remark(text) {
        Some(remark) => fault.hint(remark),
        None => fault,
    }
}

const NOT_UTF_8: &str = "must be UTF-8";

/// A variable is not UTF-8. The problem has been recorded.
struct NotText;
