//! The keys of an exchange, and what can be wrong with them.

use crate::config::problems::Fault;
use std::collections::BTreeMap;

/// The keys of a table.
pub type Keys = BTreeMap<String, KeyValue>;

/// The value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValue {
    /// A text.
    Text(String),
    /// True or false.
    Flag(bool),
    /// Several texts.
    List(Vec<String>),
    /// A table.
    Table(Keys),
    /// Anything else, which no key takes.
    Other,
}

/// A problem of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProblem {
    /// The key, below the table of the exchange: `parameters.scope`.
    pub key: String,
    /// What is wrong with it.
    pub problem: Wrong,
}

/// What is wrong with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// There is no such key here.
    Unknown {
        /// The keys that there are.
        known: Vec<&'static str>,
    },
    /// It has to be there.
    Missing,
    /// Its value breaks a rule.
    Value(Fault),
}
