//! The header in which requests name their upstream.

use http::HeaderName;
use http::header::InvalidHeaderName;
use std::fmt;
use std::str::FromStr;

/// The header in which requests name their upstream. It displays as the operator wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutingHeader {
    name: HeaderName,
    written: Box<str>,
}

impl RoutingHeader {
    /// The name, in lower case.
    pub fn name(&self) -> &HeaderName {
        &self.name
    }
}

impl FromStr for RoutingHeader {
    type Err = InvalidHeaderName;

    fn from_str(text: &str) -> Result<Self, InvalidHeaderName> {
        Ok(Self { name: HeaderName::try_from(text)?, written: text.into() })
    }
}

impl fmt::Display for RoutingHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
