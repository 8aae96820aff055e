//! Formats the claims of a token for people.

use crate::legible;
use serde_json::{Map, Value};

/// The claims that come first, in reading order; others follow.
const FIRST: [&str; 6] = ["iss", "sub", "aud", "iat", "exp", "jti"];

/// The maximum length of a shown value, in bytes.
const MAX_VALUE: usize = 16 * 1024;

/// Lists one claim a line; the members of an object are indented below its name.
pub(super) fn listed(claims: &Map<String, Value>, indent: usize) -> String {
    let first = FIRST.iter().filter_map(|name| claims.get_key_value(*name));
    let others = claims.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
    let claims: Vec<_> = first.chain(others).collect();
    let plain = claims.iter().filter(|(_, value)| !value.is_object());
    let width = plain.map(|(name, _)| name.len()).max().unwrap_or_default();
    let line = |(name, value): (&String, &Value)| {
        let name = legible::line(name, MAX_VALUE);
        let text = match value {
            Value::Object(inner) => return format!("{:indent$}{name}\n{}", "", listed(inner, indent + 4)),
            Value::String(text) => legible::line(text, MAX_VALUE),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                legible::line(&value.to_string(), MAX_VALUE)
            }
        };
        format!("{:indent$}{name:width$}  {text}\n", "")
    };
    claims.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_are_listed_in_reading_order_and_nested_ones_below_their_name() {
        let Value::Object(claims) = json!({
            "aud": ["a", "b"], "iss": "http://i", "zoo": true, "https://sts.amazonaws.com/": { "org_id": "o-1" }, "exp": 9,
        }) else {
            panic!("it is an object");
        };
        let expected = "  iss  http://i\n  aud  [\"a\",\"b\"]\n  exp  9\n  https://sts.amazonaws.com/\n      org_id  o-1\n  zoo  true\n";
        assert_eq!(listed(&claims, 2), expected);
    }
}
