//! All problems of the settings in one report, with hints, so that the operator can correct them at once.

use super::variable_names::variable_of;
use crate::redact;
use std::fmt;

/// Why the flags and variables yield no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A flag is unknown or lacks its value.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// Values are invalid.
    #[error(transparent)]
    Settings(#[from] Problems),
}

/// All problems of the settings, in the order of `--help`. Its `Display` is the report for the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds a problem. `subject` names the setting and its value.
    pub(super) fn add(&mut self, subject: &impl fmt::Display, fault: Fault) {
        self.0.push(Problem { subject: subject.to_string(), fault });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("1 setting needs attention")?,
            count => write!(f, "{count} settings need attention")?,
        }
        for problem in &self.0 {
            write!(f, "\n  {}, {}", problem.subject, problem.fault.rule)?;
            if let Some(hint) = &problem.fault.hint {
                write!(f, "\n    hint: {hint}")?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    subject: String,
    fault: Fault,
}

/// The rule that a value breaks, worded to follow "... is VALUE,", and a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    rule: String,
    hint: Option<String>,
}

impl Fault {
    /// A fault without a hint. `rule` begins with "must".
    pub fn new(rule: impl Into<String>) -> Self {
        Self { rule: rule.into(), hint: None }
    }

    /// Adds a hint.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The rule.
    pub(super) fn rule(&self) -> &str {
        &self.rule
    }

    /// The hint.
    pub(super) fn cure(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The rule and the hint in one line.
    pub(super) fn in_one_line(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.rule),
            None => self.rule.clone(),
        }
    }
}

/// A setting, its value and the source of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    flag: &'static str,
    source: Source,
    value: String,
}

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Flag,
    /// The variable with this name.
    Variable(String),
    Default,
    /// A variable of another program, which has no flag.
    Environment,
}

impl Origin {
    /// The origin of a setting's value. `flag` is the long flag without its dashes. Secrets in the value are redacted.
    pub(super) fn new(flag: &'static str, source: Source, value: &str) -> Self {
        Self { flag, source, value: redact::shown(value) }
    }

    /// The origin of a variable whose value may contain a password.
    pub(super) fn secret(variable: &'static str) -> Self {
        Self { flag: variable, source: Source::Environment, value: "a value that is not shown".to_owned() }
    }

    /// The same setting with a description in place of its value.
    pub(super) fn described(&self, value: String) -> Self {
        Self { value, ..self.clone() }
    }

    /// The names of the setting: `--token-duration (TOKEN_DURATION)`. The name that was used comes first.
    pub(super) fn names(&self) -> String {
        let Self { flag, source, .. } = self;
        match source {
            Source::Flag | Source::Default => format!("--{flag} ({})", variable_of(flag)),
            Source::Variable(variable) => format!("{variable} (--{flag})"),
            Source::Environment => (*flag).to_owned(),
        }
    }

    /// The value as the report shows it.
    pub(super) fn value(&self) -> &str {
        &self.value
    }
}

/// Shows `--token-duration (TOKEN_DURATION) is 2h`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_default = if self.source == Source::Default { " by default" } else { "" };
        write!(f, "{} is {}{by_default}", self.names(), self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_each_setting_its_value_its_rule_and_the_cure() {
        let mut problems = Problems::default();
        let duration = Origin::new("token-duration", Source::Flag, "2h");
        problems.add(&duration, Fault::new("must lie between 60s and 1h"));
        let host =
            Origin::new("upstream-host", Source::Variable("UPSTREAM_HOST".into()), "https://api.example.com");
        problems.add(&host, Fault::new("must be host[:port]").hint("the scheme has its own setting"));
        let expected = "2 settings need attention\
            \n  --token-duration (TOKEN_DURATION) is 2h, must lie between 60s and 1h\
            \n  UPSTREAM_HOST (--upstream-host) is \"https://api.example.com\", must be host[:port]\
            \n    hint: the scheme has its own setting";
        assert_eq!(problems.to_string(), expected);
    }

    #[test]
    fn one_problem_is_counted_in_the_singular() {
        let mut problems = Problems::default();
        problems.add(
            &Origin::new("log-level", Source::Variable("LOG_LEVEL".into()), ""),
            Fault::new("must be debug"),
        );
        let expected = "1 setting needs attention\n  LOG_LEVEL (--log-level) is empty, must be debug";
        assert_eq!(problems.to_string(), expected);
    }
}
