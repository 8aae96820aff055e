//! Every problem at once, with its cure, so that an operator need not try again for each.

use super::environment::variable_of;
use crate::redact;
use std::fmt;

/// Why arguments make no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An unknown flag, or one without its value.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// Values that cannot be used.
    #[error(transparent)]
    Settings(#[from] Problems),
}

/// Everything that is wrong with the settings, in the order of `--help`. Displayed, it is the report for the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// `subject` says what has which value.
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

/// The rule that a value breaks, in words that follow "... is VALUE,", and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    rule: String,
    hint: Option<String>,
}

impl Fault {
    /// `rule` begins with "must".
    pub fn new(rule: impl Into<String>) -> Self {
        Self { rule: rule.into(), hint: None }
    }

    /// The same with a next step.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The rule and the next step in one line.
    pub(super) fn in_one_line(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.rule),
            None => self.rule.clone(),
        }
    }
}

/// A setting, its value, and where that value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    flag: &'static str,
    source: Source,
    value: String,
}

/// Where a value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Flag,
    /// The variable of this name.
    Variable(String),
    Default,
    /// A variable that has no flag, as it is not attache's own.
    Environment,
}

impl Origin {
    /// `flag` is the long flag without its dashes. Of the value, it keeps what may be shown.
    pub(super) fn new(flag: &'static str, source: Source, value: &str) -> Self {
        Self { flag, source, value: redact::shown(value) }
    }

    /// A variable of the environment whose value may hold a password.
    pub(super) fn secret(variable: &'static str) -> Self {
        Self { flag: variable, source: Source::Environment, value: "a value that is not shown".to_owned() }
    }

    /// The same setting, described by words of our own instead of one value of it.
    pub(super) fn described(&self, value: String) -> Self {
        Self { value, ..self.clone() }
    }

    /// The value as a report shows it.
    pub(super) fn value(&self) -> &str {
        &self.value
    }
}

/// `--token-duration (TOKEN_DURATION) is 2h`, the one that was used coming first.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flag, source, value } = self;
        match source {
            Source::Flag => write!(f, "--{flag} ({}) is {value}", variable_of(flag)),
            Source::Variable(variable) => write!(f, "{variable} (--{flag}) is {value}"),
            Source::Default => write!(f, "--{flag} ({}) is {value} by default", variable_of(flag)),
            Source::Environment => write!(f, "{flag} is {value}"),
        }
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
