//! Finds each setting's value, flag before variable before default, and remembers what is wrong with it.

use super::parse;
use super::problems::{Fault, Origin, Problems, Source, variable_of};
use super::proxy_variables::{self, ProxyVariable};
use crate::proxy::bypass::Bypass;
use crate::proxy::egress::Egress;
use crate::proxy::target::Scheme;
use std::ffi::OsString;
use std::time::Duration;

/// Reads settings one by one. A reading that gives `None` or too little has left a problem behind.
pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<OsString>,
    problems: Problems,
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
    /// A reader that asks `lookup` for variables.
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self { lookup, problems: Problems::default() }
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
                Some(text) => (Source::Variable, text),
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
            None => (Source::Variable, self.variable(flag).ok()?.filter(|text| !text.is_empty())?),
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
            Some(text) if text.is_empty() && empty == EmptyList::CountsAsUnset => Vec::new(),
            Some(text) => {
                let entries = text.split(',').map(str::trim);
                entries.filter_map(|entry| self.parse(flag, Source::Variable, entry, &parse)).collect()
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
        let text = self.text(name, Source::Environment).ok()?.filter(|text| !text.is_empty())?;
        self.parse(name, Source::Environment, &text, parse).map(|found| found.value)
    }

    /// The same for one whose value no report may show.
    pub(super) fn foreign_secret<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let text = self.text(name, Source::Environment).ok()?.filter(|text| !text.is_empty())?;
        let origin = Origin::new(name, Source::Environment, "").described("not shown".to_owned());
        parse(&text).map_err(|fault| self.problems.add(&origin, fault)).ok()
    }

    /// Remembers a rule that only several settings together can break.
    pub(super) fn refuse(&mut self, origin: &Origin, fault: Fault) {
        self.problems.add(origin, fault);
    }

    /// The environment's proxy variables, which are no settings of ours.
    pub(super) fn proxy_variables(&self) -> Vec<ProxyVariable> {
        proxy_variables::read(self.lookup)
    }

    /// Which upstreams no HTTP proxy is asked for.
    pub(super) fn bypass(&self) -> Bypass {
        proxy_variables::bypass(self.lookup)
    }

    /// The HTTP proxy that the environment names for upstreams of this scheme.
    pub(super) fn egress(&mut self, scheme: Scheme, bypass: Bypass) -> Option<Egress> {
        let (variable, url) = proxy_variables::for_upstreams(self.lookup, scheme)?;
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

    /// What was wrong.
    pub(super) fn into_problems(self) -> Problems {
        self.problems
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

    fn variable(&mut self, flag: &'static str) -> Result<Option<String>, NotText> {
        self.text(flag, Source::Variable)
    }

    fn text(&mut self, name: &'static str, source: Source) -> Result<Option<String>, NotText> {
        let Some(value) = (self.lookup)(&variable_of(name)) else {
            return Ok(None);
        };
        value.into_string().map(Some).map_err(|value| {
            let shown = match source {
                // It may be a secret.
                Source::Environment => "not shown".into(),
                Source::Flag | Source::Variable | Source::Default => value.to_string_lossy(),
            };
            let origin = Origin::new(name, source, &shown);
            self.problems.add(&origin, Fault::new("must be UTF-8"));
            NotText
        })
    }
}

/// A variable is not UTF-8, and the report says so.
struct NotText;
