//! Finds each setting's value, flag before variable before default, and remembers what is wrong with it.

use super::aws_variables;
use super::environment::{Environment, PREFIX, StrayKind, variables_of};
use super::notices::Notice;
use super::parse;
use super::problems::{Fault, Origin, Problems, Source};
use super::proxy_variables::{self, ProxyVariable};
use super::surroundings;
use crate::proxy::bypass::Bypass;
use crate::proxy::egress::Egress;
use crate::proxy::target::Scheme;
use crate::redact;
use crate::token::sts::access::AwsVariables;
use std::time::Duration;

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

    /// A setting that is off by default. An empty variable counts as unset.
    pub(super) fn optional<T>(
        &mut self,
        flag: &'static str,
        typed: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<Found<T>> {
        let (source, text) = match typed {
            Some(text) => (Source::Flag, text.to_owned()),
            None => self.variable(flag).ok()?.filter(|(_, text)| !text.is_empty())?,
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
        let variable = if typed.is_empty() { self.variable(flag).ok().flatten() } else { None };
        match variable {
            Some((_, text)) if text.is_empty() && empty == EmptyList::CountsAsUnset => Vec::new(),
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

    /// A variable that is no setting of ours. An empty one counts as unset. One that cannot be used may be meant for
    /// another program, so it is left out.
    pub(super) fn foreign<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let text = self.foreign_text(name)?;
        parse(&text).map_err(|fault| self.leave_out(name, &text, fault)).ok()
    }

    /// The same for one whose value no report may show.
    pub(super) fn foreign_secret<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let text = self.foreign_text(name)?;
        let notice = |fault: Fault| Notice::new(name, format!("its value {}", fault.in_one_line()));
        parse(&text).map_err(|fault| self.notices.push(notice(fault))).ok()
    }

    /// Remembers that a variable is not used.
    pub(super) fn notice(&mut self, variable: &str, reason: impl Into<String>) {
        self.notices.push(Notice::new(variable, reason));
    }

    /// Whether the flag is not given, and its variable is set to nothing.
    pub(super) fn empty_variable(&self, flag: &'static str, typed: Option<&str>) -> Option<String> {
        let set = variables_of(flag).find_map(|name| Some((self.environment.get(&name)?, name)));
        set.filter(|(value, _)| typed.is_none() && value.is_empty()).map(|(_, name)| name)
    }

    /// How many problems there are by now.
    pub(super) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// Remembers a rule that only several settings together can break.
    pub(super) fn refuse(&mut self, origin: &Origin, fault: Fault) {
        self.problems.add(origin, fault);
    }

    /// The environment's proxy variables, which are no settings of ours.
    pub(super) fn proxy_variables(&self) -> Vec<ProxyVariable> {
        proxy_variables::read(&|name| self.environment.get(name))
    }

    /// AWS's variables.
    pub(super) fn aws_variables(&self) -> AwsVariables {
        aws_variables::read(&|name| self.environment.get(name))
    }

    /// Which upstreams no HTTP proxy is asked for.
    pub(super) fn bypass(&self) -> Bypass {
        proxy_variables::bypass(&|name| self.environment.get(name))
    }

    /// The HTTP proxy that the environment names for upstreams of this scheme.
    pub(super) fn egress(&mut self, scheme: Scheme, bypass: Bypass) -> Option<Egress> {
        let (variable, url) = proxy_variables::for_upstreams(&|name| self.environment.get(name), scheme)?;
        match Egress::read(variable, &url, bypass) {
            Ok(egress) => Some(egress),
            Err(error) => {
                let rule = "must be http://host:port or http://user:password@host:port";
                let hint = format!("{error}; or unset it for attache, or name the upstream in NO_PROXY");
                self.problems.add(&Origin::secret(variable), Fault::new(rule).hint(hint));
                None
            }
        }
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

    fn leave_out(&mut self, variable: &str, text: &str, fault: Fault) {
        let fault = hinted(fault, text).in_one_line();
        self.notice(variable, format!("its value is {}, and {fault}", redact::shown(text)));
    }

    /// The first variable of the flag that is set.
    fn variable(&mut self, flag: &'static str) -> Result<Option<(Source, String)>, NotText> {
        let environment = self.environment;
        let found = variables_of(flag).find_map(|name| environment.get(&name).map(|value| (name, value)));
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

    fn foreign_text(&mut self, name: &'static str) -> Option<String> {
        match self.environment.get(name)?.into_string() {
            Ok(text) => Some(text).filter(|text| !text.is_empty()),
            Err(_) => {
                self.notice(name, format!("its value {NOT_UTF_8}"));
                None
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
