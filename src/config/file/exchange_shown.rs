//! What an exchange does, in lines for people.

use crate::config::duration::Shown;
use crate::model::exchange::{AssertionPlace, Encoding, Exchange, ExpiryForm, FieldValue, Hop, Placement};
use crate::redact;

/// The token requests and how the result is sent. Values that may be secrets are masked.
pub(super) fn hops(exchange: &Exchange) -> impl Iterator<Item = String> {
    let lines = exchange.hops().flat_map(hop).chain([placement(&exchange.placement)]);
    lines.map(|line| redact::without_secrets(&line).into_owned()).collect::<Vec<_>>().into_iter()
}

fn hop(hop: &Hop) -> Vec<String> {
    let encoding = match hop.encoding {
        Encoding::Form => "form",
        Encoding::Json => "json",
        Encoding::Query => "query",
    };
    let value = |value: &FieldValue| match value {
        FieldValue::Text(text) => text.to_string(),
        FieldValue::List(texts) => texts.join(" "),
    };
    let mut fields: Vec<_> =
        hop.fields.iter().map(|field| format!("{}={}", field.name, value(&field.value))).collect();
    let mut headers: Vec<_> = hop
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    match &hop.assertion {
        AssertionPlace::Field(name) => fields.push(format!("{name}=...")),
        AssertionPlace::Authorization => headers.push("authorization: Bearer ...".to_owned()),
    }
    let mut lines = vec![format!("POST {}", hop.endpoint), format!("  {encoding}: {}", fields.join(" "))];
    lines.extend(headers.into_iter().map(|header| format!("  header {header}")));
    lines.push(result(hop));
    lines
}

fn result(hop: &Hop) -> String {
    let rule = &hop.result;
    let mut line = format!("  token at {}, expiry at", rule.token);
    for expiry in &rule.expiry {
        let form = match expiry.form {
            ExpiryForm::Seconds => "seconds",
            ExpiryForm::LeaseSeconds => "lease-seconds",
            ExpiryForm::Rfc3339 => "rfc3339",
            ExpiryForm::UnixSeconds => "unix",
        };
        line += &format!(" {} ({form}),", expiry.pointer);
    }
    line += " or as a JWT says";
    let mut bound = |name: &str, life: Option<_>| {
        line += &life.map(|life| format!(", {name} {}", Shown(life))).unwrap_or_default();
    };
    bound("else", rule.default_lifetime);
    bound("at most", rule.max_lifetime);
    line
}

fn placement(placement: &Placement) -> String {
    let mut line = format!("to the API as {}: {}...", placement.header, placement.prefix);
    for companion in &placement.companions {
        line +=
            &format!(", with {}: {}", companion.name, String::from_utf8_lossy(companion.value.as_bytes()));
    }
    for name in &placement.removed {
        line += &format!(", without {name}");
    }
    line
}
