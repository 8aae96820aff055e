//! A request to a relying party, and its fields.

use super::error::{Kind, PartyError};
use super::rules::{Encoding, Endpoint, HeaderRule};
use crate::emulator::form;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method};
use serde_json::Value;

/// A request to a relying party.
pub(super) struct Incoming {
    pub(super) method: Method,
    /// The path below the party's prefix, with a leading slash.
    pub(super) path: String,
    /// The query, without its question mark.
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The `http` URL of the party's prefix, as the client calls it.
    pub(super) base: String,
}

/// The fields of a request, in the order of their arrival.
pub(super) type Fields = Vec<(String, Value)>;

/// The values that the placeholders of a template have in a path; `None` if the path does not match.
pub(super) fn placeholders(template: &str, path: &str) -> Option<Fields> {
    let (mut templates, mut segments) = (template.split('/'), path.split('/'));
    let mut found = Fields::new();
    loop {
        match (templates.next(), segments.next()) {
            (None, None) => return Some(found),
            (Some(template), Some(segment)) => match template.strip_prefix('{') {
                None if template == segment => {}
                None => return None,
                Some(rest) => {
                    let (name, ending) = rest.split_once('}')?;
                    let value = segment.strip_suffix(ending).filter(|value| !value.is_empty())?;
                    found.push((name.to_owned(), Value::from(value)));
                }
            },
            (None, Some(_)) | (Some(_), None) => return None,
        }
    }
}

impl Incoming {
    /// Reads the fields of a request to an endpoint, after those of its path.
    pub(super) fn fields(&self, endpoint: &Endpoint, of_path: Fields) -> Result<Fields, PartyError> {
        if !endpoint.methods.contains(&self.method.as_str()) {
            let allowed = endpoint.methods.join(" or ");
            return Err(PartyError::new(Kind::Method, format!("the method must be {allowed}")));
        }
        let mut fields = of_path;
        match endpoint.encoding {
            Encoding::Form => {
                self.expect_type("application/x-www-form-urlencoded")?;
                fields.extend(form_fields(&self.body)?);
            }
            Encoding::Json => {
                self.expect_type("application/json")?;
                fields.extend(json_fields(&self.body)?);
            }
            Encoding::UntypedJson => fields.extend(json_fields(&self.body)?),
            Encoding::Query => fields.extend(form_fields(self.query.as_bytes())?),
        }
        Ok(fields)
    }

    /// Checks the headers of a request to an endpoint.
    pub(super) fn check_headers(&self, endpoint: &Endpoint) -> Result<(), PartyError> {
        for (name, rule) in endpoint.headers {
            match rule {
                HeaderRule::Absent if self.headers.contains_key(*name) => {
                    return Err(PartyError::new(Kind::Header, format!("{name} must not be there")));
                }
                HeaderRule::Absent => {}
                HeaderRule::Lists(members) => {
                    if let Some(absent) = members.iter().find(|member| !self.lists(name, member)) {
                        return Err(PartyError::new(Kind::Header, format!("{name} must have {absent}")));
                    }
                }
            }
        }
        Ok(())
    }

    /// The bearer in `Authorization`; empty if there is none.
    pub(super) fn bearer(&self) -> &str {
        let value = self.headers.get("authorization").and_then(|value| value.to_str().ok());
        value.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default()
    }

    /// Whether the list of a header, over all its lines, has this member.
    pub(super) fn lists(&self, header: &str, member: &str) -> bool {
        let lines = self.headers.get_all(header).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).any(|it| it.trim() == member)
    }

    fn expect_type(&self, expected: &str) -> Result<(), PartyError> {
        let given = self.headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let essence = given.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case(expected) {
            return Ok(());
        }
        Err(PartyError::new(Kind::MediaType, format!("content-type must be {expected}")))
    }
}

fn form_fields(text: &[u8]) -> Result<Fields, PartyError> {
    let pairs = form::pairs(text).map_err(|error| PartyError::new(Kind::Body, error.message))?;
    Ok(pairs.into_iter().map(|(name, value)| (name, Value::from(value))).collect())
}

fn json_fields(text: &[u8]) -> Result<Fields, PartyError> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => Ok(object.into_iter().collect()),
        Ok(_) | Err(_) => Err(PartyError::new(Kind::Body, "the body must be a JSON object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_gives_what_its_placeholders_stand_for() {
        let named = |name: &str, value: &str| Some(vec![(name.to_owned(), Value::from(value))]);
        assert_eq!(placeholders("/{tenant}/token", "/t-1/token"), named("tenant", "t-1"));
        assert_eq!(placeholders("/a/{email}:go", "/a/x@y:go"), named("email", "x@y"));
        assert_eq!(placeholders("/token", "/token"), Some(Fields::new()));
        for path in ["//token", "/t/other", "/t/token/", "/token", ""] {
            assert_eq!(placeholders("/{tenant}/token", path), None, "{path}");
        }
    }
}
