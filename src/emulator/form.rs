//! Decodes form bytes into parameters, and the lists that the Query protocol writes as `name.member.N`.

use super::api_error::{ApiError, ErrorCode};
use super::call::Api;
use std::collections::BTreeMap;

/// The maximum number of parameters of a call; the largest call that AWS allows has fewer.
const MAX_PARAMETERS: usize = 1000;

/// Decoded parameters. When a parameter is given twice, the last one counts.
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Decodes the body of a call.
    pub(super) fn decode(body: &[u8]) -> Result<Self, ApiError> {
        Ok(Self(pairs(body)?.into_iter().collect()))
    }

    /// The text of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The API that the call's `Version` names; STS when the version is unknown.
    pub(super) fn api(&self) -> Api {
        if self.get("Version") == Some(Api::Iam.version()) { Api::Iam } else { Api::Sts }
    }

    /// Whether a list is present; SDKs send an empty list as its bare name.
    pub(super) fn has_list(&self, list: &str) -> bool {
        self.0
            .keys()
            .any(|key| key.strip_prefix(list).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }

    /// The fields of `list.member.N`, sorted by N.
    fn indexed<'a>(&'a self, list: &str) -> Result<BTreeMap<(u32, &'a str), &'a str>, ApiError> {
        let prefix = format!("{list}.member.");
        let mut found = BTreeMap::new();
        for (name, value) in self.0.range(prefix.clone()..) {
            let Some(rest) = name.strip_prefix(&prefix) else { break };
            let (index, field) = rest.split_once('.').unwrap_or((rest, ""));
            let index = index.parse().map_err(|_| {
                ApiError::new(ErrorCode::MalformedInput, format!("{list} has a member without a number"))
            })?;
            found.insert((index, field), value.as_str());
        }
        Ok(found)
    }

    /// The texts of a list, by index.
    pub(super) fn members(&self, list: &str) -> Result<BTreeMap<u32, &str>, ApiError> {
        let indexed = self.indexed(list)?;
        Ok(indexed.into_iter().filter(|((_, field), _)| field.is_empty()).map(|((n, _), v)| (n, v)).collect())
    }

    /// The tags, in the order of their index.
    pub(super) fn tags(&self) -> Result<Vec<FoundTag<'_>>, ApiError> {
        let mut tags: BTreeMap<u32, FoundTag<'_>> = BTreeMap::new();
        for ((index, field), value) in self.indexed("Tags")? {
            let tag = tags.entry(index).or_default();
            match field {
                "Key" => tag.0 = Some(value),
                "Value" => tag.1 = Some(value),
                _ => {}
            }
        }
        Ok(tags.into_values().collect())
    }

    /// The value of a parameter that is a 32-bit integer.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text.parse::<i32>();
        let malformed = |_| ApiError::new(ErrorCode::MalformedInput, format!("{name} is not an integer"));
        number.map(|it| Some(i64::from(it))).map_err(malformed)
    }
}

/// The decoded names and values of form bytes, in their order.
pub(super) fn pairs(form: &[u8]) -> Result<Vec<(String, String)>, ApiError> {
    let mut decoded = Vec::new();
    for pair in form.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        if decoded.len() == MAX_PARAMETERS {
            return Err(ApiError::new(ErrorCode::MalformedQueryString, "There are too many parameters"));
        }
        let equals = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(equals);
        decoded.push((unescape(name)?, unescape(value.get(1..).unwrap_or_default())?));
    }
    Ok(decoded)
}

/// The key and the value of a tag, each only if it was given.
pub(super) type FoundTag<'a> = (Option<&'a str>, Option<&'a str>);

/// Decodes percent-encoding and plus signs.
fn unescape(text: &[u8]) -> Result<String, ApiError> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => plain.push(b' '),
            b'%' => {
                let byte = tail.get(..2).and_then(hex_byte).ok_or_else(malformed)?;
                plain.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            other => plain.push(*other),
        }
    }
    String::from_utf8(plain).map_err(|_| malformed())
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|it| it.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

fn malformed() -> ApiError {
    ApiError::usual(ErrorCode::MalformedQueryString)
}
