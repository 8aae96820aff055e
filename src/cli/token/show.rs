//! Formats a token for people and for programs.

use crate::cli::claims::listed;
use crate::cli::format::span;
use crate::clock::Clock;
use crate::credential::Credential;
use crate::credential::inspect::Reading;
use serde_json::{Map, Value, json};
use std::time::UNIX_EPOCH;

/// A token and its content.
pub(super) struct Shown<'t> {
    pub(super) token: &'t Credential,
    pub(super) reading: &'t Reading,
    pub(super) verified: bool,
}

impl Shown<'_> {
    /// Formats header, claims and remaining lifetime, without the token.
    pub(super) fn decoded(&self, clock: Clock) -> String {
        let Reading { header, claims } = self.reading;
        let (header, claims) = (listed(header, 2), listed(claims, 2));
        let rest = span(clock.until(self.token.expires()));
        let verdict = if self.verified {
            "verified with what its issuer publishes"
        } else {
            "read without verifying it, which --verify does"
        };
        format!("header\n{header}claims\n{claims}expires in {rest}; {verdict}\n")
    }

    /// Formats the token and its content as JSON. `expires` is in seconds since 1970, by this machine's clock.
    pub(super) fn json(&self) -> String {
        let Reading { header, claims } = self.reading;
        let expires = self.token.expires().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let object: Map<String, Value> = [
            ("token", json!(self.token.expose())),
            ("expires", json!(expires)),
            ("verified", json!(self.verified)),
            ("header", json!(header)),
            ("claims", json!(claims)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        format!("{:#}\n", Value::Object(object))
    }
}
