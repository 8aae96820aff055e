//! Finds each setting's value, flag before variable before default, and remembers what is wrong with it.

use super::aws_variables;
use super::environment::{Environment, StrayKind, variables_of};
use super::notices::Notice;
use super::parse;
use super::problems::{Fault, Origin, Problems, Source};
use super::proxy_variables::{self, ProxyVariable};
use crate::proxy::bypass::Bypass;
use crate::proxy::egress::Egress;
use crate::proxy::target::Scheme;
use crate::token::sts::access::AwsVariables;
use std::ffi::OsString;
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
                StrayKind::Unknown => self.notices.push(Notice::new(name, "it is no setting")),
                StrayKind::Misspelt(meant) => {
                    self.notices.push(Notice::new(name, format!("it is no setting; {meant} is one")));
                }
                StrayKind::LacksPrefix(meant) => {
                    self.notices.push(Notice::new(name, format!("the setting's variable is {meant}")));
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

    /// A variable that is no setting of ours. An empty one counts as unset.
    pub(super) fn foreign<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let text = self.foreign_text(name).ok()?.filter(|text| !text.is_empty())?;
        self.parse(name, Source::Environment, &text, parse).map(|found| found.value)
    }

    /// The same for one whose value no report may show.
    pub(super) fn foreign_secret<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let text = self.foreign_text(name).ok()?.filter(|text| !text.is_empty())?;
        let origin = Origin::new(name, Source::Environment, "").described("not shown".to_owned());
        parse(&text).map_err(|fault| self.problems.add(&origin, fault)).ok()
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
                self.problems.add(&origin, fault);
                None
            }
        }
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

    fn foreign_text(&mut self, name: &'static str) -> Result<Option<String>, NotText> {
        let value = self.environment.get(name).map(OsString::into_string).transpose();
        value.map_err(|_| {
            // It may be a secret.
            self.problems.add(&Origin::new(name, Source::Environment, "not shown"), Fault::new(NOT_UTF_8));
            NotText
        })
    }
}

const NOT_UTF_8: &str = "must be UTF-8";

/// A variable is not UTF-8, and the report says so.
struct NotText;
