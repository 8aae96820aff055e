//! Variables that are not used although the operator may have meant a setting. They never prevent a start.

use std::fmt;

/// A variable that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The variable's name.
    pub variable: String,
    /// Why it is not used.
    pub reason: String,
}

impl Notice {
    pub(super) fn new(variable: &str, reason: impl Into<String>) -> Self {
        Self { variable: variable.to_owned(), reason: reason.into() }
    }
}

/// `UPSTREM_HOST is not used: it is no setting; UPSTREAM_HOST is one`.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not used: {}", self.variable, self.reason)
    }
}
