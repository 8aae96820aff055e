//! Interprets a refusal of the upstream (RFC 6750, section 3; RFC 9728).

use crate::credential::Fetched;
use crate::credential::inspect::Reading;
use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// The maximum number of characters of a challenge that a finding repeats.
const MAX_CHALLENGE: usize = 300;

/// The upstream's challenge, to append to a finding, and the next step.
pub(super) fn advice(headers: &HeaderMap, minted: &Fetched) -> (String, String) {
    let fields = headers.get_all(WWW_AUTHENTICATE).iter();
    let challenges: Vec<_> = fields.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let challenge = challenges.join(", ");
    if challenge.is_empty() {
        return (
            String::new(),
            format!("the upstream gives no reason; it has to trust {}", identity(minted)),
        );
    }
    let shown: String = challenge.chars().filter(|c| !c.is_control()).take(MAX_CHALLENGE).collect();
    (format!(", WWW-Authenticate: {shown}"), next(&challenge, minted))
}

fn next(challenge: &str, minted: &Fetched) -> String {
    if !names_bearer(challenge) {
        return "the upstream asks for other credentials than a bearer token: see its documentation"
            .to_owned();
    }
    if let Some(expected) = parameter(challenge, "audience").or_else(|| parameter(challenge, "resource")) {
        return format!("the upstream seems to expect another audience: --token-audience {expected}");
    }
    if parameter(challenge, "error") == Some("insufficient_scope") {
        return format!(
            "the token is trusted but may not do this: the upstream has to grant it to {}",
            claim(minted, "sub")
        );
    }
    // The description is prose, so this is no more than advice.
    let lower = challenge.to_ascii_lowercase();
    if lower.contains("audience") || lower.contains("aud ") {
        let audience = claim(minted, "aud");
        return format!(
            "the audience is {audience}: ask which one the upstream expects, and set it with --token-audience"
        );
    }
    format!("the upstream has to trust {}", identity(minted))
}

/// Whether one of the challenges has the scheme `Bearer` (RFC 9110, section 11.6.1).
fn names_bearer(challenges: &str) -> bool {
    let mut words = challenges.split(',').filter_map(|part| part.split_whitespace().next());
    words.any(|scheme| scheme.eq_ignore_ascii_case("bearer"))
}

/// The values that a relying party configures.
fn identity(minted: &Fetched) -> String {
    let [iss, aud, sub] = ["iss", "aud", "sub"].map(|name| claim(minted, name));
    format!("issuer {iss}, audience {aud}, subject {sub}")
}

fn claim(minted: &Fetched, name: &str) -> String {
    Reading::of(minted.credential.expose())
        .map_or_else(|| "unknown".to_owned(), |reading| reading.claim(name))
}

/// The value of a quoted parameter of a challenge, if it is one word.
fn parameter<'c>(challenge: &'c str, name: &str) -> Option<&'c str> {
    let (before, rest) = challenge.split_once(&format!("{name}=\""))?;
    let value = rest.split('"').next()?;
    let whole_name = before.ends_with([' ', ',']);
    let plain = !value.is_empty() && value.chars().all(|c| c.is_ascii_graphic());
    (whole_name && plain).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_a_word_of_its_own_in_any_of_the_challenges() {
        for bearer in ["Bearer", "bearer realm=\"x\"", "Basic realm=\"x\", Bearer error=\"invalid_token\""] {
            assert!(names_bearer(bearer), "{bearer}");
        }
        for other in ["", "Basic realm=\"bearer\"", "Basic realm=\"the bearer\"", "BearerX a=\"b\""] {
            assert!(!names_bearer(other), "{other}");
        }
    }

    #[test]
    fn only_a_whole_parameter_that_is_one_word_is_believed() {
        let challenge = "Bearer realm=\"x\", audience=\"https://api.example.com\"";
        assert_eq!(parameter(challenge, "audience"), Some("https://api.example.com"));
        for other in ["Bearer x_audience=\"a\"", "Bearer audience=\"a b\"", "Bearer audience=\"\"", "Bearer"]
        {
            assert_eq!(parameter(other, "audience"), None, "{other}");
        }
    }
}
