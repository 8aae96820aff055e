//! From a preset and the values of its keys to an exchange.

use super::{FieldData, HopData, Key, KeyPlace, PlacementData, Presence, Preset, Values};
use crate::config::problems::Fault;
use crate::model::exchange::{
    AssertionPlace, Companion, CompanionMode, Exchange, ExpiryRule, Field, FieldValue, Hop, Placement,
    ResultRule,
};
use crate::model::token_endpoint::TokenEndpoint;
use http::{HeaderName, HeaderValue};
use std::time::Duration;

impl Preset {
    /// The rule that a value of a key breaks.
    ///
    /// # Errors
    /// With that rule.
    pub fn check(key: &Key, value: &str) -> Result<(), Fault> {
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            return Err(Fault::new("must be visible ASCII, and not empty"));
        }
        match (key.begins, key.place) {
            (Some(begins), _) if !value.starts_with(begins) => {
                Err(Fault::new(format!("must be an id that begins with {begins}")))
            }
            (_, KeyPlace::Template) if value.contains(['{', '}', '?', '#', ' ']) => {
                Err(Fault::new("must fit into a URL: without blanks, braces, ? and #"))
            }
            (_, KeyPlace::Field(_) | KeyPlace::Template | KeyPlace::Header(_)) => Ok(()),
        }
    }

    /// The key that moves the second request of a party that has one.
    pub fn second_endpoint_key(&self) -> Option<&'static str> {
        self.then.is_some().then_some("impersonation-endpoint")
    }

    /// What the preset expands to. The values have been checked, and all that are required are there. `endpoint` takes the place
    /// of the party's, and `second` that of its second request.
    ///
    /// # Errors
    /// With the key whose value makes no URL or header of the party's, and the rule that it breaks.
    pub fn exchange(
        &self,
        given: &Values<'_>,
        endpoint: Option<&TokenEndpoint>,
        second: Option<&TokenEndpoint>,
    ) -> Result<Exchange, (&'static str, Fault)> {
        let values = self.with_defaults(given);
        let at_fault = |hop: &HopData, fault| (self.key_in(hop.endpoint), fault);
        let mut first = self.hop.hop(&values, endpoint).map_err(|fault| at_fault(&self.hop, fault))?;
        for key in self.keys {
            let Some(&value) = values.get(key.name) else { continue };
            match key.place {
                KeyPlace::Field(name) => first.fields.push(text(name, value)),
                KeyPlace::Header(name) => {
                    let value = header_value(value).map_err(|fault| (key.name, fault))?;
                    first.headers.push((header(name), value));
                }
                KeyPlace::Template => {}
            }
        }
        let chained = self.then.as_ref().filter(|(key, _)| values.contains_key(key));
        let then = chained.map(|(_, hop)| hop.hop(&values, second).map_err(|fault| at_fault(hop, fault)));
        let (party, placement) = (self.name.into(), self.placement.placement());
        Ok(Exchange { party, first, then: then.transpose()?, placement })
    }

    /// The key whose value is part of this template.
    fn key_in(&self, template: &str) -> &'static str {
        let mut keys = self.keys.iter().map(|key| key.name);
        keys.find(|name| template.contains(&format!("{{{name}}}"))).unwrap_or("token-endpoint")
    }

    /// The audience that the party expects, where it is known.
    pub fn audience(&self, given: &Values<'_>) -> Option<String> {
        Some(filled(self.token.audience?, &self.with_defaults(given)))
    }

    /// The life of a JWT for the party.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.token.seconds)
    }

    fn with_defaults<'v>(&self, given: &Values<'v>) -> Values<'v> {
        let mut values = given.clone();
        for key in self.keys {
            if let Presence::Default(value) = key.default {
                values.entry(key.name).or_insert(value);
            }
        }
        values
    }
}

impl HopData {
    fn hop(&self, values: &Values<'_>, endpoint: Option<&TokenEndpoint>) -> Result<Hop, Fault> {
        let endpoint = match endpoint {
            Some(endpoint) => endpoint.clone(),
            None => filled(self.endpoint, values)
                .parse()
                .map_err(|error| Fault::new(format!("must make a token endpoint, which {error}")))?,
        };
        let headers =
            self.headers.iter().map(|(name, value)| (header(name), HeaderValue::from_static(value)));
        let expiry = self.expiry.iter().map(|&(pointer, form)| ExpiryRule { pointer: pointer.into(), form });
        Ok(Hop {
            endpoint,
            encoding: self.encoding,
            assertion: self
                .assertion
                .map_or(AssertionPlace::Authorization, |name| AssertionPlace::Field(name.into())),
            fields: self.fields.iter().map(|(name, data)| data.field(name, values)).collect(),
            headers: headers.collect(),
            result: ResultRule {
                token: self.token.into(),
                expiry: expiry.collect(),
                default_lifetime: self.default_seconds.map(Duration::from_secs),
                max_lifetime: None,
                ends_with_assertion: self.ends_with_assertion,
            },
            errors: self.errors,
        })
    }
}

impl FieldData {
    fn field(&self, name: &str, values: &Values<'_>) -> Field {
        let value = match self {
            Self::Text(template) => FieldValue::Text(filled(template, values).into()),
            Self::List(template) => FieldValue::List(vec![filled(template, values).into()]),
        };
        Field { name: name.into(), value }
    }
}

impl PlacementData {
    fn placement(&self) -> Placement {
        let append = self.append.iter().map(|(name, value)| Companion {
            name: header(name),
            value: HeaderValue::from_static(value),
            mode: CompanionMode::Append,
        });
        Placement {
            header: header(self.header),
            prefix: self.prefix.into(),
            companions: append.collect(),
            removed: self.removed.iter().map(|name| header(name)).collect(),
        }
    }
}

fn text(name: &str, value: &str) -> Field {
    Field { name: name.into(), value: FieldValue::Text(value.into()) }
}

/// A header that a preset names: in lower case, which a test of all presets sees to.
fn header(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

fn header_value(value: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::try_from(value).map_err(|_| Fault::new("must fit a header"))
}

/// The template with the values of the keys that it names in braces.
fn filled(template: &str, values: &Values<'_>) -> String {
    values.iter().fold(template.to_owned(), |text, (key, value)| text.replace(&format!("{{{key}}}"), value))
}
