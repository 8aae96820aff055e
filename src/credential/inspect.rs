//! Looks at what was minted: a token that is not what was asked for is better noticed here than at the upstream.

use crate::model::audience_set::AudienceSet;
use crate::model::token_request::SigningAlgorithm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// From here on upstreams and their gateways begin to refuse a request for its header's size.
const LONG: usize = 8 * 1024;
/// How far the `exp` claim may be from the expiration that STS states beside the token.
const TOLERANCE: Duration = Duration::from_secs(2);

/// How a token differs from what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It is no JWT.
    #[error("the token is no JWT")]
    Unreadable,
    /// Its `aud` is another one.
    #[error("the token's aud is {0:?}")]
    Audience(Vec<String>),
    /// Its `exp` is not the expiration that STS stated.
    #[error("the token's exp is not the expiration that STS stated")]
    Expiry,
    /// It is signed in another way.
    #[error("the token's alg is {0:?}")]
    Algorithm(String),
    /// It is so long that upstreams may refuse the header.
    #[error("the token has {0} bytes, and many upstreams take no more than 8192 of header")]
    Long(usize),
}

impl Mismatch {
    /// The value of the metric's `field` label.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Unreadable => "format",
            Self::Audience(_) => "aud",
            Self::Expiry => "exp",
            Self::Algorithm(_) => "alg",
            Self::Long(_) => "size",
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    aud: OneOrMore,
    exp: Number,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// Every mismatch between the token and what was asked for. Nothing is verified: that is the upstream's part.
pub fn mismatches(
    jwt: &str,
    audiences: &AudienceSet,
    algorithm: SigningAlgorithm,
    expires: SystemTime,
) -> Vec<Mismatch> {
    let mut parts = jwt.split('.');
    let (Some(header), Some(claims)) = (parts.next().and_then(decoded), parts.next().and_then(decoded))
    else {
        return vec![Mismatch::Unreadable];
    };
    let (header, claims): (Header, Claims) = (header, claims);
    let mut minted = match claims.aud {
        OneOrMore::One(audience) => vec![audience],
        OneOrMore::More(audiences) => audiences,
    };
    minted.sort_unstable();
    let mut found = Vec::new();
    if !audiences.iter().eq(minted.iter().map(String::as_str)) {
        found.push(Mismatch::Audience(minted));
    }
    if expiry(&claims.exp).is_none_or(|claimed| apart(claimed, expires) > TOLERANCE) {
        found.push(Mismatch::Expiry);
    }
    if header.alg != algorithm.as_str() {
        found.push(Mismatch::Algorithm(header.alg));
    }
    if jwt.len() > LONG {
        found.push(Mismatch::Long(jwt.len()));
    }
    found
}

/// When a token ends that STS says expires at `stated`: an upstream judges it by its own `exp`, which may be earlier.
pub fn end(jwt: &str, stated: SystemTime) -> SystemTime {
    #[derive(Deserialize)]
    struct Exp {
        exp: Number,
    }
    let claims: Option<Exp> = jwt.split('.').nth(1).and_then(decoded);
    claims.and_then(|claims| expiry(&claims.exp)).map_or(stated, |claimed| claimed.min(stated))
}

/// The time from a token's `iat` to its `exp`, whatever any clock shows; `None` where it has not both.
pub fn life(jwt: &str) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Span {
        iat: Number,
        exp: Number,
    }
    let claims: Span = jwt.split('.').nth(1).and_then(decoded)?;
    Some(expiry(&claims.exp)?.duration_since(expiry(&claims.iat)?).unwrap_or_default())
}

/// The moment of an `exp` (RFC 7519, 4.1.4), in whole seconds; `None` beyond what a clock can show. One before 1970 is
/// over as 1970 is.
fn expiry(exp: &Number) -> Option<SystemTime> {
    // The conversion saturates.
    let seconds = exp.as_u64().or_else(|| exp.as_f64().map(|seconds| seconds as u64))?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// What a JWT says of itself, in which nothing is verified.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The header: how and with which key it is signed.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
}

impl Reading {
    /// Header and claims of a JWT; `None` where it is none.
    pub fn of(jwt: &str) -> Option<Self> {
        let mut parts = jwt.split('.');
        Some(Self { header: decoded(parts.next()?)?, claims: decoded(parts.next()?)? })
    }

    /// How it is signed.
    pub fn algorithm(&self) -> String {
        shown(self.header.get("alg"))
    }

    /// A claim: text as it is, anything else as JSON.
    pub fn claim(&self, name: &str) -> String {
        shown(self.claims.get(name))
    }

    /// The issuer, where it is named.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "missing".to_owned(),
    }
}

fn decoded<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|error| error.duration())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn jwt(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.sig", part(header), part(claims))
    }

    fn found(header: &Value, claims: &Value) -> Vec<Mismatch> {
        let asked = AudienceSet::new(["b".to_owned(), "a".to_owned()]).unwrap();
        let expires = UNIX_EPOCH + Duration::from_secs(1000);
        mismatches(&jwt(header, claims), &asked, SigningAlgorithm::Rs256, expires)
    }

    #[test]
    fn what_was_asked_for_gives_no_remark() {
        assert_eq!(found(&json!({"alg": "RS256"}), &json!({"aud": ["b", "a"], "exp": 1001})), []);
        let asked = AudienceSet::new(["a".to_owned()]).unwrap();
        let one = jwt(&json!({"alg": "ES384"}), &json!({"aud": "a", "exp": 5}));
        let expires = UNIX_EPOCH + Duration::from_secs(5);
        assert_eq!(mismatches(&one, &asked, SigningAlgorithm::Es384, expires), []);
    }

    #[test]
    fn every_difference_is_found() {
        let all = found(&json!({"alg": "none"}), &json!({"aud": "c", "exp": 900, "pad": "x".repeat(9000)}));
        let fields: Vec<&str> = all.iter().map(Mismatch::field).collect();
        assert_eq!(fields, ["aud", "exp", "alg", "size"]);
    }

    #[test]
    fn no_exp_is_beyond_what_is_judged() {
        for exp in [json!(1_u64 << 63), json!(u64::MAX), json!(1e300), json!(-5), json!(1e3 + 90.5)] {
            let all = found(&json!({"alg": "RS256"}), &json!({"aud": ["a", "b"], "exp": exp}));
            assert_eq!(all, [Mismatch::Expiry], "{exp}");
        }
        let fraction = json!({"aud": ["a", "b"], "exp": 1000.5});
        assert_eq!(found(&json!({"alg": "RS256"}), &fraction), []);
    }

    #[test]
    fn a_token_ends_when_the_first_of_its_expiries_does() {
        let at = |second| UNIX_EPOCH + Duration::from_secs(second);
        for (exp, expected) in [
            (json!(900), 900),
            (json!(899.9), 899),
            (json!(1100), 1000),
            (json!(1_u64 << 63), 1000),
            (json!(-5), 0),
            (json!("soon"), 1000),
            (Value::Null, 1000),
        ] {
            assert_eq!(end(&jwt(&json!({}), &json!({ "exp": exp })), at(1000)), at(expected), "{exp}");
        }
        assert_eq!(end("opaque", at(1000)), at(1000));
    }

    #[test]
    fn what_is_no_jwt_is_said_to_be_none() {
        let asked = AudienceSet::new(["a".to_owned()]).unwrap();
        for text in ["", "x", "a.b.c", "e30.e30.", "ey.ey.ey"] {
            let found = mismatches(text, &asked, SigningAlgorithm::Rs256, UNIX_EPOCH);
            assert_eq!(found, [Mismatch::Unreadable], "{text}");
        }
    }
}
