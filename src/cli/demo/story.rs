//! What the demo tells: who takes part, what went in, what came out, and why the other side believes it.

use super::api::{Arrived, TokenFacts};
use super::stage::{AUDIENCE, Places};
use super::{CALLER, MADE_UP, PATH};
use serde_json::{Map, Value};

/// The claims that a reader looks for, in the order in which they read best; others follow.
const FIRST: [&str; 6] = ["iss", "sub", "aud", "iat", "exp", "jti"];

/// One request's way.
pub(super) fn told(
    places: &Places,
    arrived: &Arrived,
    token: &TokenFacts,
    claims: &Map<String, Value>,
) -> String {
    let Places { sts, api, attache, .. } = places;
    let TokenFacts { algorithm, key, length } = token;
    let Arrived { method, path, authorization_headers, .. } = arrived;
    let headers: String =
        arrived.headers.iter().map(|(name, value)| format!("    {name}: {value}\n")).collect();
    let claims = listed(claims, 4);
    format!(
        "\
attache demo: three servers in one process, no AWS account and no network needed

    STS      {sts}  an emulator: mints tokens, and publishes the keys to check them
    API      {api}  a third party's: trusts that issuer's tokens for {AUDIENCE}
    attache  {attache}  where programs send their requests, to have a token put on them

1. A program sends attache a request, with a credential that it made up

    GET {PATH}
    user-agent: {CALLER}
    authorization: {MADE_UP}

2. What arrives at the API

    {method} {path}
{headers}    authorization: Bearer <{algorithm} token of {length} characters>   ({authorization_headers} such header)

3. What the token says

{claims}
4. Verdict: verified by the API with the issuer's public keys

    issuer's discovery document -> its key set -> key {key}
    then algorithm, signature, iss, aud and exp (by the library jsonwebtoken)
"
    )
}

/// What a reader can try while the demo runs.
pub(super) fn invitation(places: &Places) -> String {
    let Places { api, attache, metrics, .. } = places;
    let metrics = metrics.as_ref().map(|url| format!("    curl {url}\n")).unwrap_or_default();
    format!(
        "
Your turn, until Ctrl-C:

    curl -i {attache}{PATH}
    curl -i {api}{PATH}     past attache, so without a token
{metrics}"
    )
}

/// One claim a line, those inside another one indented below it.
fn listed(claims: &Map<String, Value>, indent: usize) -> String {
    let first = FIRST.iter().filter_map(|name| claims.get_key_value(*name));
    let others = claims.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
    let claims: Vec<_> = first.chain(others).collect();
    let plain = claims.iter().filter(|(_, value)| !value.is_object());
    let width = plain.map(|(name, _)| name.len()).max().unwrap_or_default();
    let line = |(name, value): (&String, &Value)| match value {
        Value::Object(inner) => format!("{:indent$}{name}\n{}", "", listed(inner, indent + 4)),
        Value::String(text) => format!("{:indent$}{name:width$}  {text}\n", ""),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            format!("{:indent$}{name:width$}  {value}\n", "")
        }
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
