//! Finds out which condition of an IAM policy denies a token. AWS does not tell, so this part requests tokens that
//! differ in one property.

use super::deadline::Deadline;
use super::subject::Subject;
use crate::credential::CredentialSource;
use crate::credential::sts::{Sts, credentials_source::AwsCredentialsSource};
use crate::model::audience_set::AudienceSet;
use crate::model::credential_spec::CredentialSpec;
use crate::model::token_request::{SigningAlgorithm, TokenRequest};
use std::time::Duration;

/// The minimum lifetime of a token (AWS STS API reference, `GetWebIdentityToken`).
const MIN_LIFETIME: Duration = Duration::from_secs(60);
/// The time limit for all these tokens.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The change that the policy needs, as text. Tokens that are granted in the process are dropped.
pub(super) async fn find(subject: &Subject<'_>, request: &TokenRequest, deadline: Deadline) -> String {
    let found = deadline.within(TIMEOUT, respects(subject, request)).await.flatten();
    found.unwrap_or_else(|| {
        "neither a shorter life nor the other algorithm is allowed, so it is the audience, or the action itself: \
         allow sts:GetWebIdentityToken for this audience, and see that the account has the feature enabled \
         (aws iam get-outbound-web-identity-federation-info)"
            .to_owned()
    })
}

async fn respects(subject: &Subject<'_>, request: &TokenRequest) -> Option<String> {
    let untagged = TokenRequest { tags: Vec::new(), ..request.clone() };
    if !request.tags.is_empty() && is_granted(subject, untagged).await {
        return Some(
            "tags need the action sts:TagGetWebIdentityToken: allow it, or leave out --token-tag".to_owned(),
        );
    }
    let other = match request.algorithm {
        SigningAlgorithm::Rs256 => SigningAlgorithm::Es384,
        SigningAlgorithm::Es384 => SigningAlgorithm::Rs256,
    };
    let (shorter, otherwise) = (
        TokenRequest { lifetime: MIN_LIFETIME, ..request.clone() },
        TokenRequest { algorithm: other, ..request.clone() },
    );
    let (shorter, otherwise) = tokio::join!(is_granted(subject, shorter), is_granted(subject, otherwise));
    if shorter {
        return Some(
            "a token of 60s is allowed, so the policy limits sts:DurationSeconds: shorten --token-duration, or raise the limit"
                .to_owned(),
        );
    }
    if otherwise {
        let (asked, granted) = (request.algorithm.as_str(), other.as_str());
        return Some(format!(
            "{granted} is allowed, so the policy limits sts:SigningAlgorithm: \
             --token-signing-algorithm {granted}, or allow {asked}"
        ));
    }
    denied_among(subject, request).await
}

/// Finds the audiences that are denied alone.
async fn denied_among(subject: &Subject<'_>, request: &TokenRequest) -> Option<String> {
    let (mut denied, mut granted) = (Vec::new(), 0);
    for audience in request.audiences.iter() {
        let audiences = AudienceSet::new([audience.to_owned()]).ok()?;
        if is_granted(subject, TokenRequest { audiences, ..request.clone() }).await {
            granted += 1;
        } else {
            denied.push(audience);
        }
    }
    let denied = denied.join(", ");
    (granted > 0).then(|| match denied.as_str() {
        "" => "each audience is allowed alone, so the policy lacks ForAllValues: for all of them together"
            .to_owned(),
        denied => format!(
            "{denied}: the policy does not allow this audience: allow it, or leave it out of --token-audience"
        ),
    })
}

async fn is_granted(subject: &Subject<'_>, request: TokenRequest) -> bool {
    let tokens = &subject.config.tokens;
    let access = AwsCredentialsSource::DefaultChain(tokens.aws.clone());
    let sts = Sts::new(access, tokens.sts_endpoint_url.clone(), tokens.fetch_timeout, subject.clock);
    sts.fetch(&CredentialSpec::new(request, TIMEOUT)).await.is_ok()
}
