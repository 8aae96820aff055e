//! What each party takes and trusts, as data for the control API.

use super::rules::{Endpoint, Field, FieldValue, Need, PartyRules, Proof};
use serde_json::{Map, Value, json};

/// The token endpoints and the API of a party.
pub(super) fn describe(name: &str, rules: &PartyRules) -> Value {
    let endpoints: Vec<Value> = rules.endpoints.iter().map(|it| endpoint(name, it)).collect();
    let api = &rules.api;
    json!({
        "party": name,
        "token_endpoints": endpoints,
        "api": {
            "base": format!("/parties/{name}"),
            "header": format!("{}: {}", api.header, api.prefix),
            "companion": api.companion.map(|(name, member)| format!("{name}: {member}")),
        },
    })
}

fn endpoint(name: &str, endpoint: &Endpoint) -> Value {
    let fields: Map<String, Value> =
        endpoint.fields.iter().map(|it| (it.name.to_owned(), field(it))).collect();
    let proof = match endpoint.proof {
        Proof::Field(name) => name,
        Proof::Bearer => "authorization",
        Proof::FirstHop { .. } => "authorization, with the token of the endpoint before",
    };
    json!({
        "path": format!("/parties/{name}{}", endpoint.path),
        "methods": endpoint.methods,
        "fields": fields,
        "proof": proof,
        "audiences": endpoint.trust.audiences,
        "algorithms": endpoint.trust.algorithms,
        "single_use": endpoint.trust.single_use,
        "result_seconds": endpoint.life.own,
    })
}

fn field(field: &Field) -> Value {
    let values = match field.value {
        FieldValue::OneOf(known) | FieldValue::Id { known, .. } => json!(known),
        FieldValue::Uuid(known) => json!([known]),
        FieldValue::Text | FieldValue::Texts | FieldValue::SecondsWith(_) | FieldValue::OneWordEnding(_) => {
            Value::Null
        }
    };
    let need = match field.need {
        Need::Required => "required",
        Need::Optional => "optional",
        Need::Forbidden => "forbidden",
    };
    json!({ "need": need, "values": values })
}
