//! Resolves the settings of tokens: which credential requests carry, and how tokens are requested.

use super::args::TokenArgs;
use super::duration::Shown;
use super::problems::Fault;
use super::reader::{EmptyList, Reader, values};
use super::route::CredentialRule;
use super::{TokenConfig, network, parse};
use crate::model::audience_set::AudienceSet;
use crate::model::credential_spec::CredentialTemplate;
use std::collections::BTreeSet;
use std::time::Duration;

/// Prevents a large allocation because of a typing error.
const MAX_AUDIENCE_SETS: usize = 1_000_000;

/// What requests carry.
pub(super) fn credential(reader: &mut Reader<'_>, args: &TokenArgs) -> Option<CredentialRule> {
    let audiences = audiences(reader, &args.token_audience);
    let algorithm = reader.value(
        "token-signing-algorithm",
        args.token_signing_algorithm.as_deref(),
        "RS256",
        parse::signing_algorithm,
    );
    let lifetime = lifetime(reader, args);
    let tags = tags(reader, &args.token_tag);
    let (lifetime, refresh_skew) = lifetime?;
    let template = CredentialTemplate { algorithm: algorithm?.value, lifetime, tags, refresh_skew };
    Some(match audiences {
        Some(audiences) => CredentialRule::Fixed(template.with(audiences)),
        None => CredentialRule::OfTarget(template),
    })
}

/// How tokens are requested and cached.
pub(super) fn tokens(reader: &mut Reader<'_>, args: &TokenArgs) -> Option<TokenConfig> {
    let fetch_timeout = reader.timeout("token-fetch-timeout", args.token_fetch_timeout.as_deref(), "10s");
    let cache_capacity =
        reader.value("token-cache-capacity", args.token_cache_capacity.as_deref(), "1000", |text| {
            parse::count(text, MAX_AUDIENCE_SETS)
        });
    let sts_endpoint_url =
        reader.optional("sts-endpoint-url", args.sts_endpoint_url.as_deref(), network::endpoint_url);
    Some(TokenConfig {
        fetch_timeout: fetch_timeout?,
        cache_capacity: cache_capacity?.value,
        sts_endpoint_url: sts_endpoint_url.map(|found| found.value),
        aws: reader.aws_variables(),
    })
}

fn audiences(reader: &mut Reader<'_>, typed: &[String]) -> Option<AudienceSet> {
    let names = reader.list("token-audience", typed, EmptyList::IsAnEmptyEntry, parse::audience);
    let origin = names.first()?.origin.described(format!("{} audiences", names.len()));
    match parse::audience_set(values(names)) {
        Ok(set) => Some(set),
        Err(fault) => {
            reader.refuse(&origin, fault);
            None
        }
    }
}

/// The lifetime to request, and how long before its end to renew the token.
fn lifetime(reader: &mut Reader<'_>, args: &TokenArgs) -> Option<(Duration, Duration)> {
    let duration =
        reader.value("token-duration", args.token_duration.as_deref(), "1h", parse::token_duration);
    let skew = reader.value(
        "token-refresh-skew",
        args.token_refresh_skew.as_deref(),
        "5m",
        parse::positive_duration,
    );
    let (duration, skew) = (duration?, skew?);
    if skew.value >= duration.value {
        let rule = format!("must be below --token-duration, which is {}", Shown(duration.value));
        reader.refuse(&skew.origin, Fault::new(rule));
    }
    Some((duration.value, skew.value))
}

fn tags(reader: &mut Reader<'_>, typed: &[String]) -> Vec<(String, String)> {
    let tags = reader.list("token-tag", typed, EmptyList::CountsAsUnset, parse::tag);
    if tags.len() > parse::MAX_TAGS {
        let origin = tags[0].origin.described(format!("{} tags", tags.len()));
        reader.refuse(&origin, Fault::new(format!("must be at most {}", parse::MAX_TAGS)));
    }
    let mut keys = BTreeSet::new();
    for tag in &tags {
        if !keys.insert(&tag.value.0) {
            reader.refuse(&tag.origin, Fault::new("must not repeat a key"));
        }
    }
    values(tags)
}
