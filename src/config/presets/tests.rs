use super::*;
use crate::model::exchange::{AssertionPlace, Exchange, Field, FieldValue};

/// The expansion with the values that are required, each a text that its key takes.
fn expanded(preset: &Preset, more: &[(&'static str, &'static str)]) -> Exchange {
    let values: Vec<_> =
        preset.keys.iter().filter(|key| key.default == Presence::Required).map(sample).collect();
    let mut values: Values<'_> = values.iter().map(|(name, value)| (*name, &**value)).collect();
    values.extend(more.iter().copied());
    preset.exchange(&values, None, None).unwrap()
}

fn sample(key: &Key) -> (&'static str, String) {
    let value = match key.name {
        "address" => "https://vault.example.com:8200".to_owned(),
        "host" => "ws.example.com".to_owned(),
        _ => format!("{}sample", key.begins.unwrap_or_default()),
    };
    Preset::check(key, &value).unwrap();
    (key.name, value)
}

fn field<'e>(exchange: &'e Exchange, name: &str) -> Option<&'e FieldValue> {
    exchange.first.fields.iter().find(|field| &*field.name == name).map(|Field { value, .. }| value)
}

#[test]
fn every_preset_expands_with_what_it_requires() {
    assert_eq!(all().count(), 14);
    for preset in all() {
        let exchange = expanded(preset, &[]);
        assert_eq!(&*exchange.party, preset.name);
        assert!(exchange.first.endpoint.to_string().starts_with("https://"), "{}", preset.name);
        assert!(!exchange.first.endpoint.to_string().contains('{'), "{}", preset.name);
        let names: Vec<_> = exchange.first.fields.iter().map(|field| &*field.name).collect();
        let once: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(
            names.len(),
            once.len(),
            "{}: a strict party refuses a field that comes twice",
            preset.name
        );
        if let AssertionPlace::Field(name) = &exchange.first.assertion {
            assert!(!names.contains(&&**name), "{}", preset.name);
        }
        assert_eq!(find(preset.name).map(|found| found.name), Some(preset.name));
        let ends =
            exchange.hops().all(|hop| !hop.result.expiry.is_empty() || hop.result.default_lifetime.is_some());
        assert!(ends, "{}: its result would have no expiry", preset.name);
    }
    assert!(find("stripe").is_none());
}

#[test]
fn an_optional_key_is_sent_only_if_it_is_set() {
    let anthropic = find("anthropic").unwrap();
    assert_eq!(field(&expanded(anthropic, &[]), "workspace_id"), None);
    let with = expanded(anthropic, &[("workspace-id", "default")]);
    assert_eq!(field(&with, "workspace_id"), Some(&FieldValue::Text("default".into())));
}

#[test]
fn googles_second_request_is_made_where_an_account_is_named() {
    let google = find("google").unwrap();
    assert!(expanded(google, &[]).then.is_none());
    let account = "reader@project.iam.gserviceaccount.com";
    let exchange = expanded(google, &[("service-account", account), ("scope", "https://a.example/read")]);
    let second = exchange.then.as_ref().unwrap();
    let end = "/serviceAccounts/reader@project.iam.gserviceaccount.com:generateAccessToken";
    assert!(second.endpoint.to_string().ends_with(end), "{}", second.endpoint);
    assert_eq!(second.fields[0].value, FieldValue::List(vec!["https://a.example/read".into()]));
    // The first result has to be worth an impersonation, whatever the second is for.
    let scope = FieldValue::Text("https://www.googleapis.com/auth/cloud-platform".into());
    assert_eq!(field(&exchange, "scope"), Some(&scope));
}

#[test]
fn an_id_of_another_kind_is_refused() {
    let rule = find("kernel").unwrap().keys.iter().find(|key| key.name == "federation-rule-id").unwrap();
    for bad in ["fdrl_1", "", "wifr_\n", "1"] {
        assert!(Preset::check(rule, bad).is_err(), "{bad:?}");
    }
    let tenant = &find("entra").unwrap().keys[0];
    for bad in ["a b", "a?b", "{client-id}", "a#b"] {
        assert!(Preset::check(tenant, bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_audience_of_a_party_is_made_of_its_keys() {
    let audience = |name: &str, values: &[(&'static str, &'static str)]| {
        find(name).unwrap().audience(&values.iter().copied().collect())
    };
    assert_eq!(audience("tailscale", &[("client-id", "k1")]).as_deref(), Some("api.tailscale.com/k1"));
    assert_eq!(audience("dodo", &[]).as_deref(), Some("https://live.dodopayments.com"));
    assert_eq!(audience("vault", &[]), None);
}
