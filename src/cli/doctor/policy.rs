//! The minimum IAM policy for the tokens of a configuration.

use crate::model::audience_set::AudienceSet;
use crate::model::token_request::TokenRequest;
use serde_json::{Map, Value, json};

/// The audiences for the policy. It is printed, so audiences that must be redacted are left out.
pub(super) fn listed(audiences: &AudienceSet) -> Vec<&str> {
    audiences
        .iter()
        .zip(audiences.shown())
        .filter(|(name, shown)| name == shown)
        .map(|(name, _)| name)
        .collect()
}

/// Builds a policy for exactly the listed audiences. `ForAllValues` refuses calls that name any other audience, which
/// `ForAnyValue` would allow; `Null` refuses calls without an audience (IAM user guide, "Multivalued context keys").
pub(super) fn least(token: &TokenRequest) -> Value {
    let audiences = listed(&token.audiences);
    let mint = json!({
        "Effect": "Allow",
        "Action": "sts:GetWebIdentityToken",
        "Resource": "*",
        "Condition": {
            "ForAllValues:StringEquals": { "sts:IdentityTokenAudience": audiences },
            "Null": { "sts:IdentityTokenAudience": "false" },
            "NumericLessThanEquals": { "sts:DurationSeconds": token.lifetime.as_secs() },
            "StringEquals": { "sts:SigningAlgorithm": token.algorithm.as_str() },
        },
    });
    let statements = [Some(mint), tag(&token.tags)];
    json!({ "Version": "2012-10-17", "Statement": statements.into_iter().flatten().collect::<Vec<_>>() })
}

/// The statement for tags, which need an action of their own.
fn tag(tags: &[(String, String)]) -> Option<Value> {
    let keys: Vec<&str> = tags.iter().map(|(key, _)| key.as_str()).collect();
    let values: Map<String, Value> =
        tags.iter().map(|(key, value)| (format!("aws:RequestTag/{key}"), json!(value))).collect();
    (!tags.is_empty()).then(|| {
        json!({
            "Effect": "Allow",
            "Action": "sts:TagGetWebIdentityToken",
            "Resource": "*",
            "Condition": { "ForAllValues:StringEquals": { "aws:TagKeys": keys }, "StringEquals": values },
        })
    })
}

/// The command that attaches a policy to the principal of this ARN; `None` when it is neither a role nor a user.
pub(super) fn attach(arn: &str) -> Option<String> {
    let resource = arn.splitn(6, ':').nth(5)?;
    let mut parts = resource.split('/');
    let (kind, name) = match parts.next()? {
        "assumed-role" => ("role", parts.next()?),
        "user" => ("user", parts.next_back()?),
        _ => return None,
    };
    Some(format!(
        "aws iam put-{kind}-policy --{kind}-name {name} --policy-name attache --policy-document file://policy.json"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_policy_allows_what_the_configuration_asks_for_and_no_more() {
        let flags =
            ["--token-audience", "https://a.example", "--token-duration", "15m", "--token-tag", "team=data"];
        let spec = Config::from_args(flags).unwrap().route().known_credential().unwrap();
        let policy = least(spec.token());
        let statements = policy["Statement"].as_array().unwrap();
        assert_eq!(statements.len(), 2);
        let condition = &statements[0]["Condition"];
        assert_eq!(
            condition["ForAllValues:StringEquals"]["sts:IdentityTokenAudience"],
            json!(["https://a.example"])
        );
        assert_eq!(condition["NumericLessThanEquals"]["sts:DurationSeconds"], 900);
        assert_eq!(statements[1]["Condition"]["StringEquals"]["aws:RequestTag/team"], "data");
    }

    #[test]
    fn a_policy_lists_an_audience_as_it_is_or_not_at_all() {
        let names = ["https://a.example/?tenant=b", "https://a.example/?api_key=hunter2"];
        let audiences = AudienceSet::new(names.map(str::to_owned)).unwrap();
        assert_eq!(listed(&audiences), ["https://a.example/?tenant=b"]);
    }

    #[test]
    fn roles_and_users_are_named_as_iam_names_them() {
        let role = attach("arn:aws:sts::123456789012:assumed-role/reader/session").unwrap();
        assert!(role.starts_with("aws iam put-role-policy --role-name reader "), "{role}");
        let user = attach("arn:aws:iam::123456789012:user/team/ann").unwrap();
        assert!(user.starts_with("aws iam put-user-policy --user-name ann "), "{user}");
        assert_eq!(attach("arn:aws:iam::123456789012:root"), None);
        assert_eq!(attach("nonsense"), None);
    }
}
