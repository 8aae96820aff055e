//! The variables that attache was started with.

use super::variable_names::variables_of;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// Environment variables by name.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The value of the variable with this name.
    pub(super) fn get(&self, name: &str) -> Option<OsString> {
        self.0.get(name).cloned()
    }

    /// The names of all variables.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether a variable of this flag is set.
    pub fn sets(&self, flag: &str) -> bool {
        variables_of(flag).any(|name| self.0.contains_key(&name))
    }

    /// The names of AWS's variables whose value is empty or blank.
    pub fn empty_aws_variables(&self) -> impl Iterator<Item = &str> {
        let is_blank = |value: &OsString| value.to_string_lossy().trim().is_empty();
        let empty = self.0.iter().filter(move |(name, value)| name.starts_with("AWS_") && is_blank(value));
        empty.map(|(name, _)| name.as_str())
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// A variable of this process's environment.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Reads this process's environment, for [`Config::resolve`](super::Config::resolve). Variables with a name that
/// is not UTF-8 are left out, because no setting has such a name.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn of_process() -> Environment {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
}
